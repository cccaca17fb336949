"""Sums of the daily figures between two days; what pages read is bounded by days and tags, never by pictures."""

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
"""How many of each kind, see `tallies`."""


def by_month(subject: str) -> str:
    """The subject under which its figures stand once more, summed by month, so that a year is no 365 days."""
    return f"{subject}:month"


def rows(counts: Mapping[Key, int]) -> list[dict[str, str | int]]:
    """What is to be added to the table of daily figures, with the sums by month."""
    months: Counter[Key] = Counter()
    for (day, subject, key, kind), n in counts.items():
        months[day[:7], by_month(subject), key, kind] += n
    counted = [(key, n) for part in (counts, months) for key, n in sorted(part.items()) if n]
    return [{"day": day, "subject": s, "key": key, "kind": kind, "n": n} for (day, s, key, kind), n in counted]


def totals(connection: Connection, subject: str, period: Period) -> dict[str, Counter[str]]:
    """What a period adds up to, by key and kind."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for part, first, last in _parts(subject, period):
        query = select(daily.c.key, daily.c.kind, func.sum(daily.c.n)).where(
            daily.c.subject == part, daily.c.day.between(first, last)
        )
        for key, kind, n in connection.execute(query.group_by(daily.c.key, daily.c.kind)):
            found[key][kind] += int(n)
    return dict(found)


def _parts(subject: str, period: Period) -> list[tuple[str, str, str]]:
    """Whole months of a period, and the days before and after them: subject, first and last of each part."""
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
    connection: Connection, subject: str, period: Period, keys: Collection[str] = ("",)
) -> dict[str, Counter[str]]:
    """What some keys add up to together on each day on which anything happened, by day and kind."""
    query = select(daily.c.day, daily.c.kind, func.sum(daily.c.n)).where(
        daily.c.subject == subject, daily.c.key.in_(keys), daily.c.day.between(*period.bounds)
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for day, kind, n in connection.execute(query.group_by(daily.c.day, daily.c.kind)):
        found[day][kind] += int(n)
    return dict(found)


def of_tags(connection: Connection, period: Period, redirects: TagRedirects) -> dict[str, Counter[str]]:
    """Figures by tag; those of a merged tag count for what it became, those of a deleted one rest."""
    return follow(totals(connection, "tag", period), redirects)


def follow(found: Mapping[str, Counter[str]], redirects: TagRedirects) -> dict[str, Counter[str]]:
    """Figures under the tags that their own became."""
    moved: dict[str, Counter[str]] = defaultdict(Counter)
    for tag_id, kinds in found.items():
        if (target := redirects.resolve(tag_id)) is not None:
            moved[target] += Counter({kind: n for kind, n in kinds.items() if n > 0})
    return dict(moved)


def sources(tag_id: str, redirects: TagRedirects) -> list[str]:
    """A tag and all that were merged into it: the keys under which its figures stand."""
    return [tag_id, *(source for source in redirects.merged if redirects.resolve(source) == tag_id)]
