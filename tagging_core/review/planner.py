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
from sqlalchemy import Connection, select

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.classifier import Floats
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.uncertainty import _exclusive, margins
from tagging_core.review.queue import Order, View, in_batch
from tagging_core.storage.schema import assets, counters

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


def interleave(many: Positions, few: Positions) -> Positions:
    """Both in their order, the few spread evenly among the many."""
    places = np.concatenate([(np.arange(len(x)) + 0.5) / max(len(x), 1) for x in (many, few)])
    return np.concatenate([many, few])[np.argsort(places, kind="stable")]


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """Which pictures come next.

    Attributes:
        asset_ids: In their order.
        margins: Of all pictures that were looked at, by id.
    """

    asset_ids: list[int]
    margins: dict[int, float]


def plan(connection: Connection, library: TagLibrary, view: View, count: int, without: set[int]) -> ReviewPlan:
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
        return ReviewPlan(waiting[:count], {})
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
    return ReviewPlan([known[i] for i in order], dict(zip(known, sure.tolist(), strict=True)))
