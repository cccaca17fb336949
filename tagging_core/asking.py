"""What to ask next: the waiting pictures whose answers would teach most.

At first typical pictures, one of each visual cluster, so that all kinds are met (Hacohen et al. 2022, arXiv
2202.02794); then those that the library is least sure of, with a share taken at random, which keeps calibration
honest. `benchmarks.ordering` compares this with the alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from sqlalchemy import Connection, bindparam, select, update

from tagging_core import vectors
from tagging_core.encoders import Vectors
from tagging_core.learner import Floats
from tagging_core.library import Library
from tagging_core.queue import Order, View, in_batch
from tagging_core.store.tables import assets, counters
from tagging_core.tag_matrix import TagMatrix
from tagging_core.taxonomy import Profile

TYPICAL_FIRST = 10
"""Reviews that start with typical pictures; from then on the library's doubts lead."""

RANDOM_SHARE = 0.2
_POOL = 300  # waiting pictures that are looked at; a plan costs the same however many wait

Positions = NDArray[np.int64]


def choose(
    centred: Vectors, probabilities: Floats, exclusive: Sequence[Sequence[int]], finished: int, count: int
) -> Positions:
    """Positions of the pictures to ask about next.

    Args:
        centred: `(n, d)` waiting pictures, in an order that is random but always the same.
        probabilities: `(n, t)` what the library says of them.
        exclusive: Columns of the tags of each exclusive category.
        finished: Reviews finished so far.
        count: How many to choose.
    """
    count = min(count, len(centred))
    if finished < TYPICAL_FIRST:
        return typical(centred, count)
    random = round(RANDOM_SHARE * count)
    doubtful = np.argsort(margins(probabilities, exclusive), kind="stable")[: count - random]
    rest = np.setdiff1d(np.arange(len(centred)), doubtful)[:random]  # the given order is random already
    return interleave(doubtful, rest)


def typical(centred: Vectors, count: int) -> Positions:
    """The picture nearest to the middle of each of `count` clusters, large clusters first."""
    if count < 2:
        return np.arange(count)
    clusters = kmeans2(centred.astype(np.float64), count, iter=10, minit="++", rng=0, missing="warn")[1]
    sizes = np.bincount(clusters, minlength=count)
    chosen = []
    for label in np.argsort(-sizes, kind="stable"):
        members = np.flatnonzero(clusters == label)
        if len(members):
            middle = centred[members].mean(axis=0)
            chosen.append(int(members[np.argmax(centred[members] @ middle)]))
    rest = np.setdiff1d(np.arange(len(centred)), chosen)
    return np.array([*chosen, *rest[: count - len(chosen)]], np.int64)


def margins(probabilities: Floats, exclusive: Sequence[Sequence[int]]) -> Floats:
    """How far `(n,)` the library is from changing its mind about each picture, in [0, 1]; 0 is greatest doubt.

    For tags of an exclusive category the difference between the two likeliest, "none of them" included; for others
    twice the distance from one half. The least of them counts.
    """
    among = [_gap(probabilities[:, list(columns)]) for columns in exclusive]
    alone = np.setdiff1d(np.arange(probabilities.shape[1]), np.concatenate([*exclusive, []]))
    if len(alone):
        among.append(np.abs(2 * probabilities[:, alone] - 1).min(axis=1))
    return np.min(among, axis=0)


def _gap(shares: Floats) -> Floats:
    nothing = np.maximum(0, 1 - shares.sum(axis=1, keepdims=True))
    best = -np.partition(-np.hstack([shares, nothing]), 1, axis=1)[:, :2]
    return np.asarray(best[:, 0] - best[:, 1])


def interleave(many: Positions, few: Positions) -> Positions:
    """Both in their order, the few spread evenly among the many."""
    places = np.concatenate([(np.arange(len(x)) + 0.5) / max(len(x), 1) for x in (many, few)])
    return np.concatenate([many, few])[np.argsort(places, kind="stable")]


def doubt(matrix: TagMatrix, profile: Profile, probabilities: Floats) -> Floats:
    """The margins `(n,)` of pictures, over the tags that a profile has in play; 1 where it has none.

    Args:
        probabilities: `(n, t)` over all tags of the matrix.
    """
    rows = matrix.in_play(profile)
    if not rows:
        return np.ones(len(probabilities))
    return margins(probabilities[:, rows], _exclusive(matrix, rows))


@dataclass(frozen=True, slots=True)
class Plan:
    """Which pictures come next.

    Attributes:
        asset_ids: In their order.
        margins: Of all pictures that were looked at, by id.
    """

    asset_ids: list[int]
    margins: dict[int, float]


def plan(connection: Connection, library: Library, view: View, count: int, without: set[int]) -> Plan:
    """Choose among waiting pictures: a random sample, or those that were doubtful when last looked at.

    Args:
        view: Its order is TEACHING or DOUBT.
        without: Pictures that are out of the question.
    """
    doubtful = view.order == Order.DOUBT
    query = select(assets.c.id).where(assets.c.review == "new", *in_batch(view.batch_id))
    query = query.order_by(assets.c.margin if doubtful else assets.c.sample).limit(_POOL + len(without))
    waiting = [a for a in connection.execute(query).scalars() if a not in without][:_POOL]
    found = vectors.load(connection, library.pictures, waiting)
    known = [a for a in waiting if a in found]
    matrix = library.matrix()
    profile = matrix.taxonomy.profile(view.profile)
    rows = matrix.in_play(profile)
    if not known or not rows:
        return Plan(waiting[:count], {})
    pictures = np.stack([found[a] for a in known])
    probabilities = matrix.probabilities(pictures)[:, rows]
    exclusive = _exclusive(matrix, rows)
    sure = margins(probabilities, exclusive)
    if doubtful:
        order: Positions = np.argsort(sure, kind="stable")[:count]
    else:
        finished = select(counters.c.n).where(counters.c.name == f"done.{profile.id}")
        reviews = int(connection.execute(finished).scalar() or 0)
        order = choose(matrix.pack.centre(pictures), probabilities, exclusive, reviews, count)
    return Plan([known[i] for i in order], dict(zip(known, sure.tolist(), strict=True)))


def keep_margins(connection: Connection, found: dict[int, float]) -> None:
    """Write down how sure the library is of pictures, which the order of doubt goes by."""
    rows = [{"picture": asset_id, "found": margin} for asset_id, margin in found.items()]
    if rows:
        mine = update(assets).where(assets.c.id == bindparam("picture"))
        connection.execute(mine.values(margin=bindparam("found")), rows)


def _exclusive(matrix: TagMatrix, rows: list[int]) -> list[list[int]]:
    """Positions in `rows` of the tags of each exclusive category."""
    places = {row: place for place, row in enumerate(rows)}
    groups = [[places[row] for row in group if row in places] for group, _ in matrix.rivals]
    return [group for group in groups if group]
