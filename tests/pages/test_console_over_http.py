"""The console as it runs, asked over HTTP and WebSocket by pages and programs that have no business there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.served import serve


@pytest.fixture(scope="module")
def url(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("over_http") / "data"
    shutil.copytree(template, data)
    with serve(data, "tiny") as address:
        yield address


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/review",
            "/api/v1/tags",
            "/metrics",
            "/healthz",
            "/pictures/thumbnail/x.JPEG",
            "/surface/1/main.js",
        ),
        *("/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/auth/login", "/static/index.html"),
    ],
)
def test_a_page_whose_name_was_rebound_to_this_machine_is_refused(url: str, path: str) -> None:
    port = urlsplit(url).port
    assert httpx.get(url + path, headers={"host": f"evil.example:{port}"}).status_code == 403


def test_a_rebound_page_gets_no_session(url: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        handshake(url, "evil.example")
    handshake(url, "localhost").close()


def handshake(url: str, name: str) -> ClientConnection:
    """Connect as a page does that was opened under a host name of this machine."""
    port = urlsplit(url).port
    origin, stream = Origin(f"http://{name}:{port}"), f"ws://{name}:{port}/_stcore/stream"
    return connect(stream, origin=origin, address=("127.0.0.1", port), subprotocols=[Subprotocol("streamlit")])
