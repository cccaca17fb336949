from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.common import periods
from tagging_core.common.periods import Period

GRAINS = ("day", "week", "month", "quarter")
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(day=DAYS, grain=st.sampled_from(GRAINS))
def test_each_day_belongs_to_exactly_one_bucket(day: date, grain: str) -> None:
    first, last = periods.span(periods.bucket(day.isoformat(), grain), grain)
    assert first <= day <= last
    assert {periods.bucket(d.isoformat(), grain) for d in (first, last)} == {first.isoformat()}
    assert periods.bucket((last + timedelta(days=1)).isoformat(), grain) != first.isoformat()


@given(first=DAYS, length=st.integers(0, 500), grain=st.sampled_from(GRAINS))
def test_buckets_cover_a_period_without_gaps(first: date, length: int, grain: str) -> None:
    found = periods.buckets(Period(first, first + timedelta(days=length)), grain)
    assert found == sorted(found)
    for one, two in pairwise(found):
        assert periods.span(one, grain)[1] + timedelta(days=1) == date.fromisoformat(two)


@pytest.mark.parametrize(
    ("zone", "at", "day"),
    [
        ("UTC", datetime(2026, 3, 29, 23, 30), "2026-03-29"),
        ("Europe/Berlin", datetime(2026, 3, 29, 23, 30), "2026-03-30"),
        ("America/Los_Angeles", datetime(2026, 11, 1, 7, 30), "2026-11-01"),  # the day the clock goes back
        ("America/Los_Angeles", datetime(2026, 11, 1, 6, 30), "2026-10-31"),
    ],
)
def test_a_moment_falls_on_the_local_day_of_its_zone(zone: str, at: datetime, day: str) -> None:
    assert periods.day_in(zone)(at) == day
    local_day = date.fromisoformat(day)
    first, after = periods.moments(Period(local_day, local_day), zone)
    assert first <= at < after


def test_a_day_on_which_the_clock_goes_forward_has_23_hours() -> None:
    first, after = periods.moments(Period(date(2026, 3, 29), date(2026, 3, 29)), "Europe/Berlin")
    assert after - first == timedelta(hours=23)


def test_a_period_knows_the_one_before_it() -> None:
    period = Period.latest(30, date(2026, 11, 25))
    assert (period.first, period.days) == (date(2026, 10, 27), 30)
    assert period.before == Period(date(2026, 9, 27), date(2026, 10, 26))
    assert str(period) == "27 Oct to 25 Nov 2026"
    assert str(Period(date(2025, 12, 31), date(2026, 1, 1))) == "31 Dec 2025 to 01 Jan 2026"
