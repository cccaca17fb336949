"""Behaviour of the HTTP service alone: keys, limits, idempotency, problem details, health."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tagging_core import Settings, Tagloop, User
from tagging_core.api import auth, keys, middleware
from tagging_core.api.auth import RateLimiter
from tagging_core.api.errors import TooManyError
from tagging_core.api.keys import Scope
from tagging_core.common.users import Role
from tagging_core.errors import KeyRefusedError, NotAllowedError
from tests.conftest import BLUE, RED, photo

Token = Callable[..., str]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_requests_need_a_valid_key(service: TestClient, token: Token, working: Tagloop, ann: User) -> None:
    good = token()
    wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
    for headers in ({}, bearer(wrong), bearer("tagloop_x_y"), {"authorization": f"Basic {good}"}):
        response = service.get("/api/v1/tags", headers=headers)
        assert response.status_code == 401
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["type"] == "urn:tagloop:problem:key-refused"
    assert service.get("/api/v1/tags", headers=bearer(good)).status_code == 200
    with working.database.write() as connection:
        keys.revoke(connection, ann, 1)
    assert "revoked" in service.get("/api/v1/tags", headers=bearer(good)).json()["detail"]


def test_only_the_hash_of_a_key_is_stored(working: Tagloop, token: Token) -> None:
    key = token()
    with working.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM api_keys").all()
    assert key not in str(rows)
    assert key.split("_", 2)[2] not in str(rows)


def test_only_administrators_can_create_keys(working: Tagloop) -> None:
    with working.database.write() as connection:
        with pytest.raises(NotAllowedError):
            keys.create(connection, User("ed", frozenset({Role.EDITOR})), "CMS", scopes=[Scope.READ])
        with pytest.raises(KeyRefusedError, match="name"):
            keys.create(connection, User("ad", frozenset({Role.ADMIN})), " ", scopes=[Scope.READ])


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        (Scope.READ, "GET", "/tags"),
        (Scope.TAG, "POST", "/jobs/1/stop"),
        (Scope.DECIDE, "POST", "/decisions/1/undo"),
        (Scope.HOOKS, "GET", "/webhooks"),
    ],
)
def test_a_scope_grants_only_its_own_operations(
    service: TestClient, token: Token, scope: Scope, method: str, path: str
) -> None:
    others = [s for s in Scope if s != scope]
    refused = service.request(method, f"/api/v1{path}", headers=bearer(token(*others)))
    assert refused.status_code == 403
    assert scope.value in refused.json()["detail"]
    assert service.request(method, f"/api/v1{path}", headers=bearer(token(scope))).status_code != 403


def test_local_mode_accepts_only_programs_on_this_machine(data_dir: object) -> None:
    class Request:
        def __init__(self, address: str, **headers: str) -> None:
            self.client = type("Client", (), {"host": address})()
            self.headers = {k.replace("_", "-"): v for k, v in headers.items()}

    class Loop:
        settings = Settings(api_local=True)

    here = Request("127.0.0.1", host="localhost:8600")
    assert auth.identify(Loop, here).name == "local"  # type: ignore[arg-type]
    for untrusted in (
        Request("192.168.1.7", host="localhost:8600"),
        Request("127.0.0.1", host="evil.example.com"),
        Request("127.0.0.1", host="localhost", x_forwarded_for="192.168.1.7"),
        Request("127.0.0.1", host="localhost", origin="https://evil.example.com"),
        Request("127.0.0.1", host="localhost", sec_fetch_site="cross-site"),
    ):
        with pytest.raises(KeyRefusedError):
            auth.identify(Loop, untrusted)  # type: ignore[arg-type]
    Loop.settings = Settings()
    with pytest.raises(KeyRefusedError):
        auth.identify(Loop, here)  # type: ignore[arg-type]


def test_a_repeated_request_is_processed_once(service: TestClient, token: Token) -> None:
    key = token()
    headers = bearer(key) | {"idempotency-key": "one"}
    body = [{"kind": "add", "asset": 1, "tag": "garment.dress"}]
    service.post("/api/v1/pictures", headers=bearer(key), files={"picture": photo(RED)})
    first = service.post("/api/v1/decisions", headers=headers, json=body)
    second = service.post("/api/v1/decisions", headers=headers, json=body)
    assert first.status_code == 200
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    other = service.post("/api/v1/decisions", headers=headers, json=[{"kind": "skip", "asset": 1}])
    assert (other.status_code, other.json()["type"]) == (422, "urn:tagloop:problem:key-reused")
    other_key = service.post("/api/v1/decisions", headers=bearer(token()) | {"idempotency-key": "one"}, json=body)
    assert "idempotent-replayed" not in other_key.headers


def test_a_failed_request_can_be_retried(service: TestClient, token: Token) -> None:
    headers = bearer(token()) | {"idempotency-key": "one"}
    body = [{"kind": "add", "asset": 1, "tag": "garment.dress"}]
    assert service.post("/api/v1/decisions", headers=headers, json=body).status_code == 404
    service.post("/api/v1/pictures", headers=bearer(token()), files={"picture": photo(RED)})
    assert service.post("/api/v1/decisions", headers=headers, json=body).status_code == 200


def test_an_idempotency_key_covers_the_uploaded_picture(service: TestClient, token: Token) -> None:
    headers = bearer(token()) | {"idempotency-key": "one"}
    assert service.post("/api/v1/pictures", headers=headers, files={"picture": photo(RED)}).status_code == 200
    assert service.post("/api/v1/pictures", headers=headers, files={"picture": photo(BLUE)}).status_code == 422


def test_requests_over_the_rate_limit_are_rejected(service: TestClient, token: Token) -> None:
    buckets = RateLimiter(rate=2)
    for _ in range(4):
        buckets.take("one")
    with pytest.raises(TooManyError):
        buckets.take("one")
    buckets.take("another")


def test_a_request_that_is_too_large_is_rejected(
    service: TestClient, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = middleware.BodyLimitMiddleware(service.app, most=1_000)
    small = TestClient(limit, base_url="http://127.0.0.1")
    declared = small.post("/api/v1/pictures", headers=bearer(token()), files={"picture": b"x" * 2_000})
    assert (declared.status_code, declared.json()["status"]) == (413, 413)

    def chunked_body() -> object:
        yield b'[{"kind": "skip", "asset": 1, "note": "'
        yield b"x" * 5_000
        yield b'"}]'

    streamed = small.post(
        "/api/v1/decisions", headers=bearer(token()) | {"content-type": "application/json"}, content=chunked_body()
    )
    assert streamed.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/pictures", {"files": {"picture": b"no picture"}}, 422),
        ("POST", "/pictures", {"files": {"picture": b""}}, 422),
        ("POST", "/pictures", {"files": {"picture": photo(RED)}, "data": {"profile": "lost"}}, 404),
        ("POST", "/pictures", {"files": {"picture": photo(RED)}, "data": {"top_k": "0"}}, 422),
        ("POST", "/pictures", {"files": {"picture": photo(RED)}, "data": {"target": "2"}}, 422),
        ("POST", "/pictures", {}, 422),
        ("GET", "/assets/99", {}, 404),
        ("GET", "/assets/99999999999999999999", {}, 404),
        ("GET", "/assets?state=lost", {}, 422),
        ("GET", "/assets?category=lost", {}, 422),
        ("GET", "/assets?cursor=lost", {}, 422),
        ("GET", "/search?like=99", {}, 404),
        ("GET", "/export?format=exe", {}, 422),
        ("GET", "/tags/lost", {}, 404),
        ("GET", "/lost", {}, 404),
        ("DELETE", "/tags", {}, 405),
        ("POST", "/decisions", {"json": []}, 422),
        ("POST", "/decisions", {"json": [{"kind": "add", "asset": 1}]}, 404),
        ("POST", "/webhooks", {"json": {"url": "http://127.0.0.1/", "kinds": ["batch.done"]}}, 422),
        ("POST", "/webhooks", {"json": {"url": "ftp://x", "kinds": ["batch.done"]}}, 422),
    ],
)
def test_invalid_input_returns_problem_details(
    service: TestClient, token: Token, method: str, path: str, options: dict, status: int
) -> None:
    response = service.request(method, f"/api/v1{path}", headers=bearer(token()), **options)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= response.json().keys()
    assert response.json()["detail"]


def test_health_checks_need_no_key(service: TestClient) -> None:
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").status_code in (200, 503)


def test_api_docs_load_nothing_from_other_hosts(service: TestClient) -> None:
    page = service.get("/api/v1/docs").text
    assert "http" not in page.replace("http-equiv", "").replace("window.location", "")
    script = page.split('src="')[1].split('"')[0]
    assert service.get(script).status_code == 200
    openapi = service.get("/api/v1/openapi.json").json()
    assert openapi["paths"]["/pictures"]["post"]["operationId"] == "tag_picture"
