"""Sums of the daily counts over a period; the cost depends on the number of days and tags, not of assets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import timedelta

from sqlalchemy import Connection, func, select

from tagging_core.common.periods import Period
from tagging_core.ledger.rollups.tally import Key
from tagging_core.storage.schema import daily
from tagging_core.taxonomy.redirects import TagRedirects

Kinds = Mapping[str, int]
"""Counts by kind, see `tally`."""


def by_month(subject: str) -> str:
    """Return the subject that holds the monthly sums, which let long periods read fewer rows."""
    return f"{subject}:month"


def rows(counts: Mapping[Key, int]) -> list[dict[str, str | int]]:
    """Convert counts to rows to add to the `daily` table, including the monthly sums."""
    months: Counter[Key] = Counter()
    for (day, subject, key, kind), n in counts.items():
        months[day[:7], by_month(subject), key, kind] += n
    counted = [(key, n) for part in (counts, months) for key, n in sorted(part.items()) if n]
    return [{"day": day, "subject": s, "key": key, "kind": kind, "n": n} for (day, s, key, kind), n in counted]


def totals(connection: Connection, subject: str, period: Period) -> dict[str, Counter[str]]:
    """Return the sums over a period, by key and kind."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for part, first, last in _parts(subject, period):
        query = select(daily.c.key, daily.c.kind, func.sum(daily.c.n)).where(
            daily.c.subject == part, daily.c.day.between(first, last)
        )
        for key, kind, n in connection.execute(query.group_by(daily.c.key, daily.c.kind)):
            found[key][kind] += int(n)
    return dict(found)


def _parts(subject: str, period: Period) -> list[tuple[str, str, str]]:
    """Split a period into its whole months and the days around them: (subject, first, last) of each part."""
    first, last = period.first, period.last
    start = first if first.day == 1 else (first.replace(day=1) + timedelta(days=31)).replace(day=1)
    after = (last + timedelta(days=1)).replace(day=1)
    if start >= after:
        return [(subject, *period.bounds)]
    found = [(by_month(subject), start.isoformat()[:7], (after - timedelta(days=1)).isoformat()[:7])]
    if first < start:
        found.append((subject, first.isoformat(), (start - timedelta(days=1)).isoformat()))
    if after <= last:
        found.append((subject, after.isoformat(), last.isoformat()))
    return found


def by_day(
    connection: Connection, subject: str, period: Period, *, keys: Collection[str] = ("",)
) -> dict[str, Counter[str]]:
    """Return the sums over some keys by day and kind; days without counts are absent."""
    query = select(daily.c.day, daily.c.kind, func.sum(daily.c.n)).where(
        daily.c.subject == subject, daily.c.key.in_(keys), daily.c.day.between(*period.bounds)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for day, kind, n in connection.execute(query.group_by(daily.c.day, daily.c.kind)):
        found[day][kind] += int(n)
    return dict(found)


def of_tags(connection: Connection, period: Period, redirects: TagRedirects) -> dict[str, Counter[str]]:
    """Return the sums by tag; merged tags count towards their target, deleted tags are excluded."""
    return follow(totals(connection, "tag", period), redirects)


def follow(found: Mapping[str, Counter[str]], redirects: TagRedirects) -> dict[str, Counter[str]]:
    """Add the counts of merged tags to their targets and drop those of deleted tags."""
    merged: dict[str, Counter[str]] = defaultdict(Counter)
    for tag_id, kinds in found.items():
        if (target := redirects.resolve(tag_id)) is not None:
            merged[target] += Counter({kind: n for kind, n in kinds.items() if n > 0})
    return dict(merged)


def sources(tag_id: str, redirects: TagRedirects) -> list[str]:
    """Return a tag's id and those of all tags merged into it: the keys of its counts."""
    return [tag_id, *(source for source in redirects.merged if redirects.resolve(source) == tag_id)]
