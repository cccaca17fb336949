"""Days as people at the company mean them: where the sun was, not where Greenwich is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones


@dataclass(frozen=True, slots=True)
class Period:
    """Some days in a row, both ends among them."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """As many days before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def bounds(self) -> tuple[str, str]:
        """First and last day as the database writes them."""
        return self.first.isoformat(), self.last.isoformat()

    def __str__(self) -> str:
        """For a person to read."""
        if self.first == self.last:
            return f"{self.first:%d %b %Y}"
        if self.first.year == self.last.year:
            return f"{self.first:%d %b} to {self.last:%d %b %Y}"
        return f"{self.first:%d %b %Y} to {self.last:%d %b %Y}"

    @classmethod
    def latest(cls, days: int, today: date) -> Period:
        """The days up to today, today among them."""
        return cls(today - timedelta(days=days - 1), today)


def day_in(zone: str) -> Callable[[datetime], str]:
    """How to tell the day, as `2026-11-24`, of a moment (UTC without zone)."""
    return _days(zone)


@cache
def _days(zone: str) -> Callable[[datetime], str]:
    if zone == "UTC":
        return lambda at: at.date().isoformat()
    place = ZoneInfo(zone)
    return lambda at: at.replace(tzinfo=UTC).astimezone(place).date().isoformat()


def moments(period: Period, zone: str) -> tuple[datetime, datetime]:
    """The first moment of a period and the first after it (UTC without zone)."""
    place = ZoneInfo(zone)
    ends = period.first, period.last + timedelta(days=1)
    first, after = (
        datetime(d.year, d.month, d.day, tzinfo=place).astimezone(UTC).replace(tzinfo=None) for d in ends
    )
    return first, after


def bucket(day: str, grain: str) -> str:
    """The first day of the day's week (a Monday), month or quarter; the day itself for `day`."""
    return day if grain == "day" else _bucket(date.fromisoformat(day), grain)


def _bucket(moment: date, grain: str) -> str:
    match grain:
        case "week":
            return (moment - timedelta(days=moment.weekday())).isoformat()
        case "month":
            return moment.replace(day=1).isoformat()
        case "quarter":
            return moment.replace(month=(moment.month - 1) // 3 * 3 + 1, day=1).isoformat()
    return moment.isoformat()


def span(bucket: str, grain: str) -> tuple[date, date]:
    """The first and the last day of a bucket."""
    first = date.fromisoformat(bucket)
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92}[grain]
    after = date.fromisoformat(_bucket(first + timedelta(days=longest), grain))
    return first, after - timedelta(days=1)


def buckets(period: Period, grain: str) -> list[str]:
    """All buckets of a period in order, those in which nothing happened too."""
    every = (period.first + timedelta(days=n) for n in range(period.days))
    return list(dict.fromkeys(bucket(day.isoformat(), grain) for day in every))


def machine_zone() -> str:
    """The IANA name of this machine's zone; UTC if it cannot be told."""
    named = os.environ.get("TZ", "").lstrip(":")
    link = Path("/etc/localtime")
    for name in (named, str(link.resolve()).partition("zoneinfo/")[2]):
        if name and name in available_timezones():
            return name
    return "UTC"
