"""A request counts as local, and as meant for us, only if nothing about it says otherwise."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from tagging_core import Settings, load_settings
from tagging_core.api import network
from tagging_core.errors import SettingsError

FOREIGN = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "evil.example/localhost",
    "evil.example#localhost",
    "localhost:evil",
    "0.0.0.0",
    "192.0.2.7",
    "[::ffff:192.0.2.7]",
    "",
]


def client(server: str = "127.0.0.1", **settings: str) -> TestClient:
    """A client of an application that says whom it takes the client for; `server` is the address it arrives at."""

    async def who(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.url.scheme} {request.client.host if request.client else None}")

    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    routes = [Route("/", who), WebSocketRoute("/stream", stream)]
    app = Starlette(routes=routes, middleware=network.middleware(Settings(**settings)))  # type: ignore[arg-type]
    return TestClient(app, f"http://{server}", client=("10.0.0.5", 50_000))


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("server", ["127.0.0.1", "127.3.2.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_foreign_hosts_are_refused_on_this_machine(server: str, host: str) -> None:
    refused = client(server).get("/", headers={"host": host})
    assert refused.status_code == 403
    assert "TAGLOOP_HOSTS" in refused.text
    stream = client(server).websocket_connect(f"ws://{server}/stream", headers={"host": host})
    with pytest.raises(WebSocketDisconnect), stream:
        pass


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "localhost.", "127.0.0.1:8501", "[::1]:8501"])
def test_this_machine_is_answered_by_its_own_names(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200
    with client().websocket_connect("ws://127.0.0.1/stream", headers={"host": host}):
        pass


def test_names_of_the_company_are_set() -> None:
    named = client(hosts="tags.example.com, other.example.com")
    assert named.get("/", headers={"host": "Tags.Example.com:443"}).status_code == 200
    assert named.get("/", headers={"host": "x.tags.example.com"}).status_code == 403


def test_two_hosts_are_refused() -> None:
    assert client().get("/", headers=[("host", "localhost"), ("host", "evil.example")]).status_code == 403


def test_other_addresses_are_answered_under_every_name() -> None:
    """There, nobody is let in without sign-in or key; a monitor asks by address."""
    assert client("192.0.2.1").get("/", headers={"host": "evil.example"}).status_code == 200


@pytest.mark.parametrize("name", ["https://tags.example.com", "a b", "tags.example.com:443", "*"])
def test_an_invalid_host_name_is_reported(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TAGLOOP_HOSTS", f"good.example.com,{name}")
    with pytest.raises(SettingsError, match="TAGLOOP_HOSTS"):
        load_settings()


@pytest.mark.parametrize("name", ["tags.example.com", "10.0.0.5/8", "10.0.0.0/99"])
def test_an_invalid_proxy_is_reported(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TAGLOOP_PROXIES", name)
    with pytest.raises(SettingsError, match="TAGLOOP_PROXIES"):
        load_settings()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "believed"),
    [
        ("", "127.0.0.1", "10.0.0.5"),
        ("10.0.0.0/24", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/24", "127.0.0.1, 203.0.113.9", "203.0.113.9"),  # the client's own header before the proxy's
        ("10.0.0.0/24", "127.0.0.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.0/24", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.0/24", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.0/24", "unknown", "None"),
        ("10.9.0.0/24", "203.0.113.9", "10.0.0.5"),
        ("10.9.0.0/24", "203.0.113.9, 10.0.0.5", "None"),  # as uvicorn leaves it after a connection from here
        ("127.0.0.1", "203.0.113.9, 10.0.0.5", "10.0.0.5"),
    ],
)
def test_a_forwarded_address_is_believed_only_from_our_proxies(proxies: str, forwarded: str, believed: str) -> None:
    said = client(proxies=proxies).get("/", headers={"host": "localhost", "x-forwarded-for": forwarded})
    assert said.text == f"http {believed}"


def test_a_forwarded_scheme_is_believed_only_from_our_proxies() -> None:
    headers = {"host": "localhost", "x-forwarded-proto": "https"}
    assert client().get("/", headers=headers).text.startswith("http ")
    assert client(proxies="10.0.0.5").get("/", headers=headers).text.startswith("https ")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_a_program_of_this_machine_is_local(address: str) -> None:
    assert network.is_local(address, {"host": "localhost:8501"})
    assert network.is_local(address, {"host": "127.0.0.1", "origin": "http://127.0.0.1:8501"})


@pytest.mark.parametrize(
    "header",
    [
        *("x-forwarded-for", "X-Forwarded-Host", "x-forwarded-proto", "x-forwarded-anything", "forwarded", "via"),
        *("x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "x-original-forwarded-for"),
    ],
)
def test_a_proxy_is_not_local(header: str) -> None:
    assert not network.is_local("127.0.0.1", {"host": "localhost", header: "127.0.0.1"})


@pytest.mark.parametrize("origin", ["http://evil.example", "http://192.0.2.1", "null", "", "http://localhost@evil"])
def test_a_page_of_another_site_is_not_local(origin: str) -> None:
    assert not network.is_local("127.0.0.1", {"host": "localhost", "origin": origin})


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "unknown", "", None])
def test_another_machine_is_not_local(address: str | None) -> None:
    assert not network.is_local(address, {"host": "localhost"})
