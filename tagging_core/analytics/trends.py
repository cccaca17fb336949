"""What the content is about, and what changed: shares of tags and categories between two days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, String, cast, func, select

from tagging_core.common import periods
from tagging_core.common.intervals import (
    LEVEL,
    Interval,
    ProportionEstimate,
    difference,
    estimate_proportions,
    wilson,
)
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger.rollups.content import ALL, BATCH
from tagging_core.storage.schema import content, labels, reviews
from tagging_core.taxonomy.model import Taxonomy

SAMPLE = 2000
"""Finished pictures, drawn at random, that tell which tags occur together."""

_LINE = "\n"  # no tag's id has one

_LEAST = 10
"""Pictures of both periods that have a tag, from which on it may count as a mover."""


@dataclass(frozen=True, slots=True)
class Content:
    """What finished pictures are about.

    Attributes:
        pictures: Finished pictures by day, for days that have any.
        tag_ids: The tags that any of them has.
        cells: `(m, 3)` places of a day and of a tag in these two, and how many of the day's pictures have it.
    """

    pictures: dict[str, int]
    tag_ids: list[str]
    cells: NDArray[np.int64]

    @property
    def total(self) -> int:
        """All finished pictures."""
        return sum(self.pictures.values())

    @property
    def tags(self) -> int:
        """All tags that they have."""
        return int(self.cells[:, 2].sum())

    def counts(self) -> dict[str, int]:
        """Pictures by tag."""
        summed = np.bincount(self.cells[:, 1], self.cells[:, 2], len(self.tag_ids))
        return {tag_id: int(n) for tag_id, n in zip(self.tag_ids, summed, strict=True)}

    def shares(self, tag_ids: Sequence[str]) -> ProportionEstimate:
        """Shares of pictures that have each of some tags."""
        trials = np.array([*self.pictures.values()], np.float64)
        x, n = self.cells[:, 2].astype(np.float64), trials[self.cells[:, 0]]
        place = {tag_id: row for row, tag_id in enumerate(self.tag_ids)}
        rows = np.array([place.get(tag_id, len(place)) for tag_id in tag_ids], np.int64)
        hits, squares, cross = (
            np.bincount(self.cells[:, 1], w, len(place) + 1)[rows].astype(np.float64) for w in (x, x * x, x * n)
        )
        return estimate_proportions(hits, squares, cross, trials)


def load(connection: Connection, user: User, basis: str, period: Period | None, part: str = ALL) -> Content:
    """What finished pictures are about.

    Args:
        basis: Which day of a picture counts; BATCH for the pictures of a batch, whatever their day.
        period: None only for a batch.
        part: ALL, a profile's id, or the batch's.
    """
    require(user, Action.REPORT)
    # One row a day, with its tags and counts joined into texts: several times as fast as a row for each.
    tag_ids, numbers = content.c.tag_id, cast(content.c.n, String)
    query = select(content.c.day, func.aggregate_strings(tag_ids, _LINE), func.aggregate_strings(numbers, _LINE))
    query = query.where(content.c.basis == str(basis), content.c.part == part, content.c.n > 0)
    if period is not None:
        query = query.where(content.c.day.between(*period.bounds))
    pictures: dict[str, int] = {}
    place: dict[str, int] = {}
    cells: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
    for day, names, counts in connection.execute(query.group_by(content.c.day).order_by(content.c.day)):
        here = dict(zip(names.split(_LINE), map(int, counts.split(_LINE)), strict=True))
        pictures[day] = here.pop(ALL, 0)
        rows = [place.setdefault(tag_id, len(place)) for tag_id in here]
        cells.append(np.array([[len(pictures) - 1] * len(here), rows, list(here.values())], np.int64).T)
    return Content(pictures, list(place), np.concatenate(cells))


def of_batch(connection: Connection, user: User, batch_id: int) -> Content:
    """What a batch's finished pictures are about."""
    return load(connection, user, BATCH, None, str(batch_id))


def series(found: Content, groups: Mapping[str, Sequence[str]], grain: str) -> pd.DataFrame:
    """Shares of pictures over time, a row for each group and each bucket that has pictures.

    Args:
        groups: Tag ids by name; of a group with several, the counts are added up.

    Returns:
        Columns bucket (its first day), group, n, of, share, low and high (95 %), shares in [0, 1].
    """
    buckets, bucket_of = _buckets(found, grain)
    whole = np.bincount(bucket_of, [*found.pictures.values()], len(buckets))
    rows = []
    for name, tag_ids in groups.items():
        member = np.isin(found.tag_ids, list(tag_ids))
        day, _, x = found.cells[member[found.cells[:, 1]]].T
        hits = np.bincount(bucket_of[day], x, len(buckets))
        for bucket, n, of in zip(buckets, hits.tolist(), whole.tolist(), strict=True):
            rows.append((bucket, name, int(n), int(of), n / of, *wilson(min(n, of), of)))
    return pd.DataFrame(rows, columns=["bucket", "group", "n", "of", "share", "low", "high"])


def by_category(found: Content, taxonomy: Taxonomy, grain: str) -> pd.DataFrame:
    """What share of all tags belongs to each category over time.

    Returns:
        Columns bucket (its first day), category_id, n (tags) and of (all tags of the bucket); n > 0.
    """
    buckets, bucket_of = _buckets(found, grain)
    known = [taxonomy.tags[t].category_id if t in taxonomy.tags else "" for t in found.tag_ids]
    day, tag, n = found.cells.T
    table = pd.DataFrame(
        {
            "bucket": np.array(buckets, object)[bucket_of[day]],
            "category_id": np.array(known, object)[tag],
            "n": n,
        }
    )
    known_only = table[table["category_id"] != ""]
    summed = known_only.groupby(["bucket", "category_id"])["n"].sum().reset_index()
    return summed.assign(of=summed.groupby("bucket")["n"].transform("sum"))


def _buckets(found: Content, grain: str) -> tuple[list[str], NDArray[np.int64]]:
    """The buckets that have pictures, and in which one each day lies."""
    named = [periods.bucket(day, grain) for day in found.pictures]
    place = {bucket: row for row, bucket in enumerate(dict.fromkeys(named))}
    return list(place), np.array([place[bucket] for bucket in named], np.int64)


@dataclass(frozen=True, slots=True)
class ShareChange:
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


def movers(before: Content, now: Content, taxonomy: Taxonomy, level: float = LEVEL) -> list[ShareChange]:
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
            found.append(ShareChange(tag_id, *shown, change, int(two.hits[row])))
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
    query = select(reviews.c.sample, reviews.c.asset_id).order_by(reviews.c.sample).limit(SAMPLE)
    drawn: set[tuple[int, int]] = set()
    for profile in [part] if part else list(taxonomy.profiles):  # the index goes by profile
        drawn.update((row[0], row[1]) for row in connection.execute(query.where(reviews.c.profile == profile)))
    chosen = [asset_id for _, asset_id in sorted(drawn)[:SAMPLE]]
    given: dict[int, list[str]] = {}
    for start in range(0, len(chosen), 500):
        mine = labels.c.asset_id.in_(chosen[start : start + 500]), labels.c.value == 1
        for asset_id, tag_id in connection.execute(select(labels.c.asset_id, labels.c.tag_id).where(*mine)):
            given.setdefault(asset_id, []).append(tag_id)
    alone = Counter(t for mine in given.values() for t in mine if t in taxonomy.tags)
    names = [tag_id for tag_id, _ in alone.most_common(limit)]
    both = Counter(pair for mine in given.values() for pair in combinations(sorted(set(mine) & set(names)), 2))
    table = pd.DataFrame(0, index=names, columns=names)
    for tag_id in names:
        table.loc[tag_id, tag_id] = alone[tag_id]
    for (a, b), n in both.items():
        table.loc[a, b] = table.loc[b, a] = n
    return table, len(chosen)
