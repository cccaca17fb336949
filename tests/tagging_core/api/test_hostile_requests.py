"""Requests that are too large, too slow, odd or not allowed are refused early, and with a word."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from tagging_core.api import middleware
from tagging_core.api.routes import ROUTERS
from tagging_core.api.routes.common import ScopedRoute

JSON = {"content-type": "application/json"}


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} | JSON


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 200_000, 400),
        ('{"a":' * 200_000, 400),
        ('[{"kind": "accept", "asset": %s}]' % ("9" * 6_000), 400),
        ('[{"kind": "accept", "asset": 1%s}]' % ("0" * 30), 422),
        ('[{"kind": "accept", "asset": 1e400}]', 422),
        ('[{"kind": "accept", "asset": NaN}]', 422),
        ('[{"kind": "flag", "asset": 1, "note": "\\ud800"}]', 422),
        ('[{"kind": "accept", "asset": 1, "tag": "\\udc00\\ud800"}]', 422),
        (b'[{"kind": "flag", "note": "\xff\xfe"}]', 400),
        (b"\xff\xfe[\x00", 422),
        ("", 422),
    ],
)
def test_odd_json_is_refused_with_a_word(
    service: TestClient, token: Callable[..., str], body: str | bytes, status: int
) -> None:
    answer = service.post("/api/v1/decisions", content=body, headers=headers(token("decide")))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    "what", ["1" + "0" * 30, "9" * 64, "9" * 19, "9" * 18, "٣" * 20, "-1", "0", "%00", "%ED%A0%80"]
)
def test_an_undo_of_anything_is_refused_with_a_word(
    service: TestClient, token: Callable[..., str], what: str
) -> None:
    answer = service.post(f"/api/v1/decisions/{what}/undo", headers=headers(token("decide")))
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]


def test_json_may_have_two_megabytes(service: TestClient, token: Callable[..., str]) -> None:
    for body in (b" " * 2_000_001, iter([b" " * 1_000_001] * 2)):
        answer = service.post("/api/v1/decisions", content=body, headers=headers(token("decide")))
        assert answer.status_code == 413
        assert "at most 2 MB of JSON" in answer.json()["detail"]


def test_a_length_of_any_number_of_digits_is_refused(service: TestClient, token: Callable[..., str]) -> None:
    lying = headers(token("decide")) | {"content-length": "9" * 6_000}
    assert service.post("/api/v1/decisions", content=b"[]", headers=lying).status_code == 413


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("read", "/decisions"),
        ("read", "/pictures"),
        ("read", "/batches"),
        ("hooks", "/search"),
        ("tag", "/webhooks"),
    ],
)
def test_a_key_without_the_scope_is_refused_before_the_body_is_read(
    service: TestClient, token: Callable[..., str], scope: str, path: str
) -> None:
    answer = service.post(f"/api/v1{path}", content=b"[" * 100_000, headers=headers(token(scope)))
    assert answer.status_code == 403
    assert "needs an API key with the scope" in answer.json()["detail"]


def test_every_route_checks_its_scope_before_the_body() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert len(routes) > 20
    assert [route.path for route in routes if not isinstance(route, ScopedRoute)] == []


def test_refused_keys_wait_longer_and_longer_and_good_ones_never(
    service: TestClient, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(middleware.anyio, "sleep", sleep)
    good = token("read")
    for n in range(8):
        assert service.get("/api/v1/tags", headers=headers(f"tagloop_{n}_x")).status_code == 401
        assert service.get("/api/v1/tags", headers=headers(good)).status_code == 200
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_body_that_arrives_too_slowly_is_ended(
    address: str, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "_GRACE_SECONDS", 0.3)
    host, _, port = address.removeprefix("http://").partition(":")
    head = f"POST /api/v1/decisions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token('decide')}\r\n"
    started = time.monotonic()
    with socket.create_connection((host, int(port.partition("/")[0])), timeout=5) as connection:
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n[".encode())
        answer = connection.recv(10_000).decode()
    assert time.monotonic() - started < 3
    assert answer.startswith("HTTP/1.1 408")
    assert "arrived too slowly" in json.loads(answer.partition("\r\n\r\n")[2])["detail"]
