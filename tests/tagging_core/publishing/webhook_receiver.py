"""A receiver of webhooks, as another program would run one."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(ThreadingHTTPServer):
    """Records requests; the path selects the response, and `status` that of other paths."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.retry_after = 200, ""
        self.received: list[tuple[str, dict[str, str], str]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Receiver = self.server  # type: ignore[assignment]
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        server.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if self.path == "/hangs":
            time.sleep(3)
        if self.path == "/drips":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for n in range(60):
                time.sleep(0.1)
                self.wfile.write(f"x-{n}: y\r\n".encode())
            return
        self.send_response({"/fails": 500, "/moves": 302}.get(self.path, server.status))
        self.send_header("location", "http://127.0.0.1:1/secret")
        if server.retry_after:
            self.send_header("Retry-After", server.retry_after)
        self.end_headers()
        self.wfile.write(b"secret answer")

    def log_message(self, *_: object) -> None: ...
