"""What to ask next: the waiting pictures whose answers would teach most.

At first typical pictures, one of each visual cluster, so that all kinds are met (Hacohen et al. 2022, arXiv
2202.02794); then those that the library is least sure of, with a share taken at random, which keeps calibration
honest. `benchmarks.ordering` compares this with the alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from sqlalchemy import Connection, select

from tagging_core import vectors
from tagging_core.encoders import Vectors
from tagging_core.learner import Floats
from tagging_core.library import Library
from tagging_core.store.tables import assets, counters, items

TYPICAL_FIRST = 10
"""Reviews that start with typical pictures; from then on the library's doubts lead."""

RANDOM_SHARE = 0.2
_POOL = 300  # waiting pictures that are looked at; a plan costs the same however many wait

Order = NDArray[np.int64]


def choose(
    centred: Vectors, probabilities: Floats, exclusive: Sequence[Sequence[int]], finished: int, count: int
) -> Order:
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


def typical(centred: Vectors, count: int) -> Order:
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


def interleave(many: Order, few: Order) -> Order:
    """Both in their order, the few spread evenly among the many."""
    places = np.concatenate([(np.arange(len(x)) + 0.5) / max(len(x), 1) for x in (many, few)])
    return np.concatenate([many, few])[np.argsort(places, kind="stable")]


def plan(
    connection: Connection, library: Library, profile_id: str, batch_id: int | None, count: int, without: set[int]
) -> list[int]:
    """Ids of waiting pictures to ask about next, from a random sample of those that wait.

    Args:
        batch_id: Only this batch; None for all.
        without: Pictures that are out of the question.
    """
    query = (
        select(assets.c.id).where(assets.c.review == "new").order_by(assets.c.sample).limit(_POOL + len(without))
    )
    if batch_id is not None:
        query = query.where(assets.c.id.in_(select(items.c.asset_id).where(items.c.batch_id == batch_id)))
    waiting = [a for a in connection.execute(query).scalars() if a not in without][:_POOL]
    found = vectors.load(connection, library.fingerprint, waiting)
    known = [a for a in waiting if a in found]
    matrix = library.matrix()
    rows = matrix.in_play(matrix.taxonomy.profile(profile_id))
    if not known or not rows:
        return waiting[:count]
    pictures = np.stack([found[a] for a in known])
    finished = select(counters.c.n).where(counters.c.name == f"done.{profile_id}")
    reviews = int(connection.execute(finished).scalar() or 0)
    places = {row: place for place, row in enumerate(rows)}
    exclusive = [[places[row] for row in group if row in places] for group, _ in matrix.rivals]
    probabilities = matrix.probabilities(pictures)[:, rows]
    order = choose(matrix.pack.centre(pictures), probabilities, [e for e in exclusive if e], reviews, count)
    return [known[i] for i in order]
