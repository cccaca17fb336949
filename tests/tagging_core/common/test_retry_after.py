from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.common import retry_after


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, 0),
        ("", 0),
        ("60", 60),
        (" 60 ", 60),
        ("1.5", 1.5),
        ("-5", 0),
        ("99999999999999999999", 100),
        ("inf", 100),
        ("nan", 0),
        ("soon", 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 100),
        ("Fri, 99 Dec 2099 23:59:59 GMT", 0),
    ],
)
def test_seconds(header: str | None, expected: float) -> None:
    assert retry_after.seconds(header, 100) == expected


@given(st.integers(5, 90))
def test_an_http_date(wait: int) -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=wait), usegmt=True)
    assert wait - 2 < retry_after.seconds(header, 100) <= wait


@given(st.text())
def test_any_header_gives_a_wait_within_the_bounds(header: str) -> None:
    assert 0 <= retry_after.seconds(header, 100) <= 100
