"""What the content is about, and what changed: shares of tags and categories between two days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from tagging_core.insights import days
from tagging_core.insights.content import ALL, BATCH
from tagging_core.insights.days import Period
from tagging_core.insights.statistics import LEVEL, Floats, Interval, Shares, difference, shares, wilson
from tagging_core.people import Action, User, require
from tagging_core.store.tables import content, labels, reviews
from tagging_core.taxonomy import Taxonomy

SAMPLE = 2000
"""Finished pictures, drawn at random, that tell which tags occur together."""

_LEAST = 10
"""Pictures of both periods that have a tag, from which on it may count as a mover."""


@dataclass(frozen=True, slots=True)
class Content:
    """What finished pictures of a period are about.

    Attributes:
        days: Those on which there are any, in order.
        pictures: `(days,)` finished pictures of each day.
        tag_ids: The tags that any of them has.
        day: `(m,)` which day a count is of.
        tag: `(m,)` which tag it is of.
        n: `(m,)` pictures of the day that have the tag.
    """

    days: list[str]
    pictures: Floats
    tag_ids: list[str]
    day: NDArray[np.int64]
    tag: NDArray[np.int64]
    n: Floats

    @property
    def total(self) -> int:
        """All finished pictures."""
        return int(self.pictures.sum())

    def counts(self) -> dict[str, int]:
        """Pictures by tag."""
        summed = np.bincount(self.tag, self.n, len(self.tag_ids))
        return {tag_id: int(n) for tag_id, n in zip(self.tag_ids, summed, strict=True)}

    def shares(self, tag_ids: Sequence[str]) -> Shares:
        """Shares of pictures that have each of some tags."""
        place = {tag_id: row for row, tag_id in enumerate(self.tag_ids)}
        cells = self.pictures[self.day] if len(self.day) else np.zeros(0)
        sums = [np.bincount(self.tag, w, len(self.tag_ids)) for w in (self.n, self.n**2, self.n * cells)]
        rows = [place.get(tag_id) for tag_id in tag_ids]
        picked = [np.array([0.0 if row is None else column[row] for row in rows]) for column in sums]
        return shares(picked[0], picked[1], picked[2], self.pictures)


def load(connection: Connection, user: User, basis: str, period: Period | None, part: str = ALL) -> Content:
    """What finished pictures are about.

    Args:
        basis: Which day of a picture counts; BATCH for the pictures of a batch, whatever their day.
        period: None only for a batch.
        part: ALL, a profile's id, or the batch's.
    """
    require(user, Action.REPORT)
    query = select(content.c.day, content.c.tag_id, content.c.n).where(
        content.c.basis == str(basis), content.c.part == part, content.c.n > 0
    )
    if period is not None:
        query = query.where(content.c.day.between(*period.bounds))
    rows = connection.execute(query).all()
    pictures = {day: n for day, tag_id, n in rows if tag_id == ALL}
    day_place = {day: row for row, day in enumerate(sorted(pictures))}
    rows = [row for row in rows if row[1] != ALL]
    tag_place: dict[str, int] = {}
    for row in rows:
        tag_place.setdefault(row[1], len(tag_place))
    return Content(
        list(day_place),
        np.array([pictures[day] for day in day_place], np.float64),
        list(tag_place),
        np.array([day_place[row[0]] for row in rows], np.int64),
        np.array([tag_place[row[1]] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float64),
    )


def of_batch(connection: Connection, user: User, batch_id: int) -> Content:
    """What a batch's finished pictures are about."""
    return load(connection, user, BATCH, None, str(batch_id))


def series(
    found: Content, groups: Mapping[str, Sequence[str]], period: Period, grain: str, of_tags: bool = False
) -> pd.DataFrame:
    """Shares over time, a row for each group and each bucket that has pictures.

    Args:
        groups: Tag ids by name; of a group with several, the counts are added up.
        of_tags: Shares of all tags given, and not of pictures.

    Returns:
        Columns bucket (its first day), group, n, of, share, low and high (95 %), shares in [0, 1].
    """
    names = days.buckets(period, grain)
    place = {bucket: row for row, bucket in enumerate(names)}
    bucket_of = np.array([place[days.bucket(day, grain)] for day in found.days], np.int64)
    when = bucket_of[found.day] if len(found.day) else found.day
    if of_tags:
        whole = np.bincount(when, found.n, len(names))
    else:
        whole = np.bincount(bucket_of, found.pictures, len(names))
    rows = []
    for name, tag_ids in groups.items():
        wanted = set(tag_ids)
        member = np.array([tag_id in wanted for tag_id in found.tag_ids], bool)
        mine = member[found.tag] if len(found.tag) else np.zeros(0, bool)
        hits = np.bincount(when[mine], found.n[mine], len(names))
        for bucket, n, total in zip(names, hits, whole, strict=True):
            if total > 0:
                rows.append((bucket, name, int(n), int(total), n / total, *wilson(min(n, total), total)))
    return pd.DataFrame(rows, columns=["bucket", "group", "n", "of", "share", "low", "high"])


@dataclass(frozen=True, slots=True)
class Mover:
    """A tag whose share changed beyond chance.

    Attributes:
        before: Share in the earlier pictures, in [0, 1].
        now: Share in the later ones.
        change: Of the share, with the interval it was tested with.
        pictures: Later pictures that have the tag.
    """

    tag_id: str
    before: float
    now: float
    change: Interval
    pictures: int


def movers(before: Content, now: Content, taxonomy: Taxonomy, level: float = LEVEL) -> list[Mover]:
    """Tags whose share changed, the largest change first.

    Intervals are so wide (Bonferroni) that where nothing changed, a share `level` of comparisons list none.
    """
    counts = Counter(before.counts()) + Counter(now.counts())
    tag_ids = sorted(t for t, n in counts.items() if n >= _LEAST and t in taxonomy.tags)
    if not before.total or not now.total or not tag_ids:
        return []
    one, two = before.shares(tag_ids), now.shares(tag_ids)
    each = 1 - (1 - level) / len(tag_ids)
    found = []
    for row, tag_id in enumerate(tag_ids):
        change = difference(one, two, row, each)
        if change.clear_of_zero:
            shown = float(one.share[row]), float(two.share[row])
            found.append(Mover(tag_id, *shown, change, int(two.hits[row])))
    return sorted(found, key=lambda mover: -abs(mover.change.value))


def together(
    connection: Connection, user: User, taxonomy: Taxonomy, part: str = ALL, limit: int = 16
) -> tuple[pd.DataFrame, int]:
    """How often tags occur on the same picture, in a random sample of finished ones.

    Args:
        part: ALL or a profile's id.
        limit: The most frequent tags.

    Returns:
        `(t, t)` pictures that have both, by tag id; on the diagonal those that have the tag. And the sample's size.
    """
    require(user, Action.REPORT)
    query = select(reviews.c.asset_id).order_by(reviews.c.sample).limit(SAMPLE)
    profiles = [part] if part else list(taxonomy.profiles)
    ids: list[int] = []
    for profile in profiles:  # the index goes by profile
        ids += connection.execute(query.where(reviews.c.profile == profile)).scalars()
    chosen = sorted(set(ids))[: SAMPLE if part else None]
    given: dict[int, list[str]] = {}
    for start in range(0, len(chosen), 500):
        mine = labels.c.asset_id.in_(chosen[start : start + 500]), labels.c.value == 1
        for asset_id, tag_id in connection.execute(select(labels.c.asset_id, labels.c.tag_id).where(*mine)):
            given.setdefault(asset_id, []).append(tag_id)
    alone = Counter(t for tags in given.values() for t in tags if t in taxonomy.tags)
    names = [tag_id for tag_id, _ in alone.most_common(limit)]
    both = Counter(pair for tags in given.values() for pair in combinations(sorted(set(tags) & set(names)), 2))
    table = pd.DataFrame(0, index=names, columns=names)
    for tag_id in names:
        table.loc[tag_id, tag_id] = alone[tag_id]
    for (a, b), n in both.items():
        table.loc[a, b] = table.loc[b, a] = n
    return table, len(chosen)
