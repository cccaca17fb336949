"""The service against its own description: whatever schemathesis makes up, it never answers 5xx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tagging_core import User
from tagging_core.api import Client, auth
from tests.conftest import RED, examples, photo

_CASES = 45  # for each of about thirty addresses, more than 1,000 in all


@pytest.fixture
def described(address: str, client: Client, token: Callable[..., str], ann: User) -> tuple:
    """The description, and a key, over a service that knows a picture."""
    client.pictures.tag(photo(RED), "red.jpg", "e-commerce")
    return schemathesis.openapi.from_url(f"{address}/openapi.json"), address, token()


def test_no_request_is_answered_by_an_unexpected_error(described: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    schema, address, key = described
    headers = {"Authorization": f"Bearer {key}"}
    monkeypatch.setattr(auth.RateLimiter, "take", lambda *_: None)  # it is to be answered, not told to wait
    seen: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()

        def call(case: schemathesis.Case) -> None:
            answer = case.call(base_url=address, headers=headers)
            seen[answer.status_code] += 1
            assert answer.status_code < 500, (case.as_curl_command(), answer.text)

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
    """A test of one address."""
    strategy = operation.as_strategy()  # type: ignore[attr-defined]

    @given(strategy)
    def check(case: schemathesis.Case) -> None:
        call(case)

    return check
