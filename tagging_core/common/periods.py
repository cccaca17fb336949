"""Periods of calendar days and their buckets, in the installation's time zone rather than UTC."""

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
    """Consecutive days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Period:
        """The period of the same length that ends the day before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def bounds(self) -> tuple[str, str]:
        """First and last day in ISO format, as stored in the database."""
        return self.first.isoformat(), self.last.isoformat()

    def __str__(self) -> str:
        """Display text, such as `03 Nov to 24 Nov 2026`."""
        if self.first == self.last:
            return f"{self.first:%d %b %Y}"
        if self.first.year == self.last.year:
            return f"{self.first:%d %b} to {self.last:%d %b %Y}"
        return f"{self.first:%d %b %Y} to {self.last:%d %b %Y}"

    @classmethod
    def latest(cls, days: int, today: date) -> Period:
        """Return the period that ends today.

        Args:
            days: Length of the period, at least 1.
            today: Its last day.

        Returns:
            The last `days` days, today included.
        """
        return cls(today - timedelta(days=days - 1), today)


def day_in(zone: str) -> Callable[[datetime], str]:
    """Return a function that converts times to days.

    Args:
        zone: IANA name of a time zone, such as `Europe/Berlin`.

    Returns:
        Converts a naive UTC time to its ISO date in the zone, such as `2026-11-24`.

    Raises:
        ZoneInfoNotFoundError: This machine does not know the zone.
    """
    return _days(zone)


@cache
def _days(zone: str) -> Callable[[datetime], str]:
    if zone == "UTC":
        return lambda at: at.date().isoformat()
    place = ZoneInfo(zone)
    return lambda at: at.replace(tzinfo=UTC).astimezone(place).date().isoformat()


def moments(period: Period, zone: str) -> tuple[datetime, datetime]:
    """Return the start (inclusive) and the end (exclusive) of a period in a zone, as naive UTC times."""
    place = ZoneInfo(zone)
    return _midnight(period.first, place, datetime.min), _midnight(period.last, place, datetime.max, days=1)


def _midnight(day: date, place: ZoneInfo, beyond: datetime, *, days: int = 0) -> datetime:
    """Return the start of a day, or of a later one, in UTC, naive; `beyond` outside the calendar."""
    try:
        start = datetime(day.year, day.month, day.day, tzinfo=place) + timedelta(days=days)
        return start.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return beyond


def bucket(day: str, grain: str) -> str:
    """Return the bucket that contains a day.

    Args:
        day: ISO date.
        grain: `day`, `week` (from Monday), `month` or `quarter`.

    Returns:
        ISO date of the bucket's first day; the day itself if `grain` is `day`.

    Raises:
        ValueError: The day is not an ISO date; `grain` `day` does not check it.
    """
    return day if grain == "day" else _bucket(date.fromisoformat(day), grain)


def _bucket(day: date, grain: str) -> str:
    match grain:
        case "week":
            return (day - timedelta(days=day.weekday())).isoformat()
        case "month":
            return day.replace(day=1).isoformat()
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1).isoformat()
    return day.isoformat()


def span(bucket: str, grain: str) -> tuple[date, date]:
    """Return the days that a bucket covers.

    Args:
        bucket: ISO date of its first day, as returned by the function `bucket`.
        grain: `day`, `week`, `month` or `quarter`.

    Returns:
        Its first and its last day.

    Raises:
        ValueError: `bucket` is not an ISO date.
        KeyError: `grain` is none of these.
    """
    first = date.fromisoformat(bucket)
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92}[grain]
    after = date.fromisoformat(_bucket(first + timedelta(days=longest), grain))
    return first, after - timedelta(days=1)


def buckets(period: Period, grain: str) -> list[str]:
    """Return all buckets that overlap a period.

    Args:
        period: Its ends may lie within a bucket.
        grain: `day`, `week`, `month` or `quarter`.

    Returns:
        ISO dates of the buckets' first days, ascending; the first may precede the period.
    """
    days = (period.first + timedelta(days=n) for n in range(period.days))
    return list(dict.fromkeys(bucket(day.isoformat(), grain) for day in days))


def machine_zone() -> str:
    """Return the IANA name of this machine's time zone; UTC if unknown."""
    named = os.environ.get("TZ", "").lstrip(":")
    link = Path("/etc/localtime")
    for name in (named, str(link.resolve()).partition("zoneinfo/")[2]):
        if name and name in available_timezones():
            return name
    return "UTC"
