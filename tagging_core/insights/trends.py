"""What the content is about, and what changed: shares of tags and categories between two days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, String, cast, func, select

from tagging_core.insights import days
from tagging_core.insights.content import ALL, BATCH
from tagging_core.insights.days import Period
from tagging_core.insights.statistics import LEVEL, Interval, Shares, difference, shares, wilson
from tagging_core.people import Action, User, require
from tagging_core.store.tables import content, labels, reviews
from tagging_core.taxonomy import Taxonomy

SAMPLE = 2000
"""Finished pictures, drawn at random, that tell which tags occur together."""

_LINE = "\n"  # no tag's id has one

_LEAST = 10
"""Pictures of both periods that have a tag, from which on it may count as a mover."""


@dataclass(frozen=True, slots=True)
class Content:
    """What finished pictures are about, as sums over days.

    Attributes:
        basis: Which day of a picture counts; BATCH for the pictures of a batch, whatever their day.
        part: ALL, a profile's id, or the batch's.
        period: None only for a batch.
        pictures: Finished pictures by day, for days that have any.
        sums: By tag, of its pictures a day x and all pictures of that day n: the sums of x, x * x and x * n.
        cells: `(m, 3)` places of a day and of a tag in these two, and how many of the day's pictures have it.
    """

    basis: str
    part: str
    period: Period | None
    pictures: dict[str, int]
    sums: dict[str, tuple[float, float, float]]
    cells: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    @property
    def total(self) -> int:
        """All finished pictures."""
        return sum(self.pictures.values())

    @property
    def tags(self) -> int:
        """All tags that they have."""
        return int(sum(hits for hits, _, _ in self.sums.values()))

    def counts(self) -> dict[str, int]:
        """Pictures by tag."""
        return {tag_id: int(hits) for tag_id, (hits, _, _) in self.sums.items()}

    def shares(self, tag_ids: Sequence[str]) -> Shares:
        """Shares of pictures that have each of some tags."""
        columns = np.array([self.sums.get(tag_id, (0, 0, 0)) for tag_id in tag_ids], np.float64).reshape(-1, 3)
        return shares(columns[:, 0], columns[:, 1], columns[:, 2], np.array([*self.pictures.values()], np.float64))

    def of(self) -> list[ColumnElement[bool]]:
        """The condition that leaves these figures."""
        found = [content.c.basis == str(self.basis), content.c.part == self.part, content.c.n > 0]
        return [*found, content.c.day.between(*self.period.bounds)] if self.period else found


def load(connection: Connection, user: User, basis: str, period: Period | None, part: str = ALL) -> Content:
    """What finished pictures are about; see `Content`."""
    require(user, Action.REPORT)
    found = Content(str(basis), part, period, {}, {})
    # One row a day, with its tags and counts joined into texts: five times as fast as a row for each.
    tag_ids, counts = content.c.tag_id, cast(content.c.n, String)
    query = select(content.c.day, func.aggregate_strings(tag_ids, _LINE), func.aggregate_strings(counts, _LINE))
    pictures: dict[str, int] = {}
    place: dict[str, int] = {}
    cells: list[NDArray[np.int64]] = [found.cells]
    by_day = query.where(*found.of()).group_by(content.c.day).order_by(content.c.day)
    for day, names, numbers in connection.execute(by_day):
        here = dict(zip(names.split(_LINE), map(int, numbers.split(_LINE)), strict=True))
        pictures[day] = here.pop(ALL, 0)
        rows = [place.setdefault(tag_id, len(place)) for tag_id in here]
        cells.append(np.array([[len(pictures) - 1] * len(here), rows, list(here.values())], np.int64).T)
    table = np.concatenate(cells)
    x, n = table[:, 2].astype(np.float64), np.array([*pictures.values()], np.float64)[table[:, 0]]
    sums = np.stack([np.bincount(table[:, 1], w, len(place)) for w in (x, x * x, x * n)], axis=1).tolist()
    return replace(found, pictures=pictures, sums=dict(zip(place, map(tuple, sums), strict=True)), cells=table)


def of_batch(connection: Connection, user: User, batch_id: int) -> Content:
    """What a batch's finished pictures are about."""
    return load(connection, user, BATCH, None, str(batch_id))


def series(connection: Connection, found: Content, groups: Mapping[str, Sequence[str]], grain: str) -> pd.DataFrame:
    """Shares of pictures over time, a row for each group and each bucket that has pictures.

    Args:
        groups: Tag ids by name; of a group with several, the counts are added up.

    Returns:
        Columns bucket (its first day), group, n, of, share, low and high (95 %), shares in [0, 1].
    """
    whole = _by_bucket(found.pictures.items(), grain)
    wanted = {tag_id for tag_ids in groups.values() for tag_id in tag_ids}
    query = select(content.c.tag_id, content.c.day, content.c.n).where(*found.of(), content.c.tag_id.in_(wanted))
    given: dict[str, list[tuple[str, int]]] = {}
    for tag_id, day, n in connection.execute(query):
        given.setdefault(tag_id, []).append((day, n))
    rows = []
    for name, tag_ids in groups.items():
        hits = _by_bucket((pair for tag_id in tag_ids for pair in given.get(tag_id, ())), grain)
        for bucket, of in whole.items():
            n = hits[bucket]
            rows.append((bucket, name, n, of, n / of, *wilson(min(n, of), of)))
    return pd.DataFrame(rows, columns=["bucket", "group", "n", "of", "share", "low", "high"])


def by_category(found: Content, taxonomy: Taxonomy, grain: str) -> pd.DataFrame:
    """What share of all tags belongs to each category over time.

    Returns:
        Columns bucket (its first day), category_id, n (tags) and of (all tags of the bucket); n > 0.
    """
    categories = {c: row for row, c in enumerate(taxonomy.categories)}
    buckets = {b: row for row, b in enumerate(dict.fromkeys(days.bucket(day, grain) for day in found.pictures))}
    bucket_of = np.array([buckets[days.bucket(day, grain)] for day in found.pictures], np.int64)
    known = [taxonomy.tags[t].category_id if t in taxonomy.tags else None for t in found.sums]
    category_of = np.array([-1 if c is None else categories[c] for c in known], np.int64)
    day, tag, n = found.cells[category_of[found.cells[:, 1]] >= 0].T
    place = bucket_of[day] * len(categories) + category_of[tag]
    counts = (
        np.bincount(place, n, len(buckets) * len(categories)).reshape(len(buckets), len(categories)).astype(int)
    )
    whole = counts.sum(axis=1)
    rows = [
        (bucket, category_id, int(counts[b, c]), int(whole[b]))
        for category_id, c in categories.items()
        for bucket, b in buckets.items()
        if counts[b, c]
    ]
    return pd.DataFrame(rows, columns=["bucket", "category_id", "n", "of"])


def _by_bucket(pairs: Iterable[tuple[str, int]], grain: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for day, n in pairs:
        found[days.bucket(day, grain)] += n
    return found


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
