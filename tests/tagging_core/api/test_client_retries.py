"""The client waits as a busy service asks it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tagging_core.api.client.connection import Connection


class BusyService(ThreadingHTTPServer):
    """Answers the first request with 503 and the second with 200."""

    def __init__(self, retry_after: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.retry_after, self.asked = retry_after, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: BusyService = self.server  # type: ignore[assignment]
        server.asked += 1
        self.send_response(503 if server.asked == 1 else 200)
        self.send_header("Retry-After", server.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(params=["Fri, 31 Dec 1999 23:59:59 GMT", "soon", "0.1"])
def service(request: pytest.FixtureRequest) -> Iterator[BusyService]:
    made = BusyService(request.param)
    yield made
    made.shutdown()


def test_a_busy_service_is_asked_again(service: BusyService) -> None:
    started = time.monotonic()
    with httpx.Client(base_url=f"http://127.0.0.1:{service.server_address[1]}/") as http:
        assert Connection(http).ask("GET", "/x").status_code == 200
    assert service.asked == 2
    assert time.monotonic() - started > 0.05
