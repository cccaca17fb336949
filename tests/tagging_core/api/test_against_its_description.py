"""The service fuzzed from its own OpenAPI document: no request made by schemathesis may return 5xx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tagging_core import User
from tagging_core.api import Client, auth
from tests.conftest import RED, examples, photo

_CASES = 45  # per operation; more than 1,000 for about thirty operations


@pytest.fixture
def openapi(address: str, client: Client, token: Callable[..., str], ann: User) -> tuple:
    """Schema, base URL and API key of a service with one picture."""
    client.pictures.tag(photo(RED), "red.jpg", "e-commerce")
    return schemathesis.openapi.from_url(f"{address}/openapi.json"), address, token()


def test_no_request_causes_a_server_error(openapi: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    schema, address, key = openapi
    headers = {"Authorization": f"Bearer {key}"}
    monkeypatch.setattr(auth.RateLimiter, "take", lambda *_: None)  # requests must be answered, not rate-limited
    seen: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()

        def call(case: schemathesis.Case) -> None:
            response = case.call(base_url=address, headers=headers)
            seen[response.status_code] += 1
            assert response.status_code < 500, (case.as_curl_command(), response.text)

        quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
        run = settings(
            max_examples=examples(_CASES),
            deadline=None,
            suppress_health_check=quiet,
            phases=[Phase.generate],
            database=None,
            derandomize=True,
        )
        run(operation_test(operation, call))()
    assert seen.total() >= 1_000
    assert seen[200] > 100


def operation_test(operation: object, call: Callable) -> Callable:
    """A property test of one operation."""
    strategy = operation.as_strategy()  # type: ignore[attr-defined]

    @given(strategy)
    def check(case: schemathesis.Case) -> None:
        call(case)

    return check
