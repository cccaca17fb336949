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


def test_every_answer_says_what_browsers_may_do_with_it(url: str) -> None:
    for path in ("/", "/_stcore/health", "/healthz", "/metrics", "/api/v1/tags", "/api/v1/docs", "/nothing/x.png"):
        headers = httpx.get(url + path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "strict-transport-security" not in headers, path


def test_behind_tls_cookies_are_secure(url: str) -> None:
    answer = httpx.get(url, headers={"x-forwarded-proto": "https"})  # uvicorn believes a proxy on this machine
    assert answer.headers["strict-transport-security"]
    cookies = answer.headers.get_list("set-cookie")
    assert cookies
    assert all("Secure" in cookie for cookie in cookies)


def test_no_other_site_may_embed_the_console(url: str) -> None:
    assert httpx.get(f"{url}/_stcore/host-config").json()["allowedOrigins"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"referer": "http://evil.example/127.0.0.1"}, 403),
        ({"sec-fetch-site": "same-origin"}, 302),
        ({"referer": "http://127.0.0.1/review"}, 302),
    ],
)
def test_only_our_own_page_signs_out(url: str, headers: dict[str, str], status: int) -> None:
    assert httpx.get(f"{url}/auth/logout", headers=headers).status_code == status


def test_streamlits_figures_are_for_this_machine(url: str) -> None:
    assert httpx.get(f"{url}/_stcore/metrics").status_code == 200
    assert httpx.get(f"{url}/_stcore/metrics", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 403
    assert httpx.get(f"{url}/_stcore/metrics/", headers={"via": "1.1 proxy"}).status_code in (403, 404)
