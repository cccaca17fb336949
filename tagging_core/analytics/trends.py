"""Content trends: shares of tags and categories over time, and significant changes."""

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
"""Maximum sample size for co-occurrence."""

_SEP = "\n"  # never part of a tag id

_LEAST = 10
"""Minimum number of pictures with a tag, both periods together, for it to be tested."""


@dataclass(frozen=True, slots=True)
class Content:
    """Tag counts of reviewed pictures by day, as a sparse matrix.

    Attributes:
        pictures: Number of reviewed pictures by day; days without any are absent.
        tag_ids: Tags that occur.
        cells: `(m, 3)` day index into `pictures`, tag index into `tag_ids`, number of pictures.
    """

    pictures: dict[str, int]
    tag_ids: list[str]
    cells: NDArray[np.int64]

    @property
    def total(self) -> int:
        """Number of reviewed pictures."""
        return sum(self.pictures.values())

    @property
    def tags(self) -> int:
        """Total number of tags on these pictures."""
        return int(self.cells[:, 2].sum())

    def counts(self) -> dict[str, int]:
        """Return the number of pictures by tag id."""
        summed = np.bincount(self.cells[:, 1], self.cells[:, 2], len(self.tag_ids))
        return {tag_id: int(n) for tag_id, n in zip(self.tag_ids, summed, strict=True)}

    def shares(self, tag_ids: Sequence[str]) -> ProportionEstimate:
        """Estimate the share of pictures with each tag."""
        trials = np.array([*self.pictures.values()], np.float64)
        x, n = self.cells[:, 2].astype(np.float64), trials[self.cells[:, 0]]
        index_of = {tag_id: row for row, tag_id in enumerate(self.tag_ids)}
        rows = np.array([index_of.get(tag_id, len(index_of)) for tag_id in tag_ids], np.int64)
        hits, squares, cross = (
            np.bincount(self.cells[:, 1], w, len(index_of) + 1)[rows].astype(np.float64) for w in (x, x * x, x * n)
        )
        return estimate_proportions(hits, squares, cross, trials=trials)


def load(connection: Connection, user: User, basis: str, *, period: Period | None, part: str = ALL) -> Content:
    """Load the tag counts of reviewed pictures.

    Args:
        basis: Date that `period` applies to, see `Basis`; BATCH for one batch.
        period: Days, both ends included; None for all of them, as for a batch.
        part: ALL, a profile id or, for a batch, the batch id.
    """
    require(user, Action.REPORT)
    # One row per day with concatenated tags and counts is several times faster than one row per tag.
    tag_ids, numbers = content.c.tag_id, cast(content.c.n, String)
    query = select(content.c.day, func.aggregate_strings(tag_ids, _SEP), func.aggregate_strings(numbers, _SEP))
    query = query.where(content.c.basis == str(basis), content.c.part == part, content.c.n > 0)
    if period is not None:
        query = query.where(content.c.day.between(*period.bounds))
    pictures: dict[str, int] = {}
    index_of: dict[str, int] = {}
    cells: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
    for day, names, counts in connection.execute(query.group_by(content.c.day).order_by(content.c.day)):
        by_tag = dict(zip(names.split(_SEP), map(int, counts.split(_SEP)), strict=True))
        pictures[day] = by_tag.pop(ALL, 0)
        rows = [index_of.setdefault(tag_id, len(index_of)) for tag_id in by_tag]
        cells.append(np.array([[len(pictures) - 1] * len(by_tag), rows, list(by_tag.values())], np.int64).T)
    return Content(pictures, list(index_of), np.concatenate(cells))


def of_batch(connection: Connection, user: User, batch_id: int) -> Content:
    """Load the tag counts of a batch's reviewed pictures."""
    return load(connection, user, BATCH, period=None, part=str(batch_id))


def series(found: Content, groups: Mapping[str, Sequence[str]], grain: str) -> pd.DataFrame:
    """Return the share of pictures with each group of tags over time.

    Args:
        groups: Tag ids by group name; counts within a group are added up.
        grain: `day`, `week`, `month` or `quarter`.

    Returns:
        A row per group and non-empty bucket: bucket (its first day), group, n, of (pictures), share, low and high
        (95 % bounds); shares in [0, 1].
    """
    buckets, bucket_of = _buckets(found, grain)
    totals = np.bincount(bucket_of, [*found.pictures.values()], len(buckets))
    rows = []
    for name, tag_ids in groups.items():
        member = np.isin(found.tag_ids, list(tag_ids))
        day, _, x = found.cells[member[found.cells[:, 1]]].T
        hits = np.bincount(bucket_of[day], x, len(buckets))
        for bucket, n, of in zip(buckets, hits.tolist(), totals.tolist(), strict=True):
            rows.append((bucket, name, int(n), int(of), n / of, *wilson(min(n, of), of)))
    return pd.DataFrame(rows, columns=["bucket", "group", "n", "of", "share", "low", "high"])


def by_category(found: Content, taxonomy: Taxonomy, grain: str) -> pd.DataFrame:
    """Return the number of tags by category over time.

    Returns:
        Columns bucket (its first day), category_id, n (tags, > 0) and of (all tags of the bucket).
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
    """Return the non-empty buckets and the bucket index of each day `(days,)`."""
    bucket_names = [periods.bucket(day, grain) for day in found.pictures]
    index_of = {bucket: row for row, bucket in enumerate(dict.fromkeys(bucket_names))}
    return list(index_of), np.array([index_of[bucket] for bucket in bucket_names], np.int64)


@dataclass(frozen=True, slots=True)
class ShareChange:
    """A tag with a significant change in its share.

    Attributes:
        before: Share in the earlier period, in [0, 1].
        now: Share in the later period, in [0, 1].
        change: Difference of the shares, with the interval used in the test.
        pictures: Number of pictures with the tag in the later period.
    """

    tag_id: str
    before: float
    now: float
    change: Interval
    pictures: int


def movers(before: Content, now: Content, taxonomy: Taxonomy, *, level: float = LEVEL) -> list[ShareChange]:
    """Return the tags whose share changed significantly, largest change first.

    Args:
        level: Family-wise confidence level; intervals are Bonferroni-corrected.
    """
    counts = Counter(before.counts()) + Counter(now.counts())
    tag_ids = sorted(t for t, n in counts.items() if n >= _LEAST and t in taxonomy.tags)
    if not before.total or not now.total or not tag_ids:
        return []
    earlier, later = before.shares(tag_ids), now.shares(tag_ids)
    tag_level = 1 - (1 - level) / len(tag_ids)
    found = []
    for row, tag_id in enumerate(tag_ids):
        change = difference(earlier, later, row, level=tag_level)
        if change.clear_of_zero:
            shares = float(earlier.share[row]), float(later.share[row])
            found.append(ShareChange(tag_id, *shares, change, int(later.hits[row])))
    return sorted(found, key=lambda mover: -abs(mover.change.value))


def together(
    connection: Connection, user: User, taxonomy: Taxonomy, *, part: str = ALL, limit: int = 16
) -> tuple[pd.DataFrame, int]:
    """Count how often tags occur together in a random sample of up to SAMPLE reviewed pictures.

    Args:
        connection: A read transaction.
        user: Needs the right to read reports.
        taxonomy: Tags that are not in it are excluded.
        part: ALL or a profile id.
        limit: Number of most frequent tags to include.

    Returns:
        `(t, t)` co-occurrence counts labelled by tag id, tag counts on the diagonal; and the sample size.

    Raises:
        NotAllowedError: The user may not read reports.
    """
    require(user, Action.REPORT)
    query = select(reviews.c.sample, reviews.c.asset_id).order_by(reviews.c.sample).limit(SAMPLE)
    sampled: set[tuple[int, int]] = set()
    for profile in [part] if part else list(taxonomy.profiles):  # the index starts with the profile
        sampled.update((row[0], row[1]) for row in connection.execute(query.where(reviews.c.profile == profile)))
    chosen = [asset_id for _, asset_id in sorted(sampled)[:SAMPLE]]
    tags_of: dict[int, list[str]] = {}
    for start in range(0, len(chosen), 500):
        accepted = labels.c.asset_id.in_(chosen[start : start + 500]), labels.c.value == 1
        for asset_id, tag_id in connection.execute(select(labels.c.asset_id, labels.c.tag_id).where(*accepted)):
            tags_of.setdefault(asset_id, []).append(tag_id)
    frequency = Counter(t for tags in tags_of.values() for t in tags if t in taxonomy.tags)
    names = [tag_id for tag_id, _ in frequency.most_common(limit)]
    both = Counter(pair for tags in tags_of.values() for pair in combinations(sorted(set(tags) & set(names)), 2))
    table = pd.DataFrame(0, index=names, columns=names)
    for tag_id in names:
        table.loc[tag_id, tag_id] = frequency[tag_id]
    for (a, b), n in both.items():
        table.loc[a, b] = table.loc[b, a] = n
    return table, len(chosen)
