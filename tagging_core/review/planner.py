"""Active learning: which waiting pictures to review next.

A cold start takes typical pictures, one per visual cluster (Hacohen et al. 2022, arXiv 2202.02794). After that come
the most uncertain ones, mixed with a random share that keeps calibration unbiased. `benchmarks.ordering` compares
this with the alternatives.
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
from tagging_core.learning.uncertainty import exclusive_rows, margins
from tagging_core.review.queue import Order, View, in_batch
from tagging_core.storage.schema import assets, counters

TYPICAL_FIRST = 10
"""Number of finished reviews before uncertainty sampling replaces typical pictures."""

RANDOM_SHARE = 0.2
_POOL = 300  # waiting pictures considered, so that the cost does not grow with the queue

Positions = NDArray[np.int64]


def choose(
    centred: Vectors, probabilities: Floats, exclusive: Sequence[Sequence[int]], *, finished: int, count: int
) -> Positions:
    """Return the indices of the pictures to review next.

    Args:
        centred: `(n, d)` centred unit vectors of waiting pictures, in a deterministic random order.
        probabilities: `(n, t)` in (0, 1).
        exclusive: Columns of each exclusive category.
        finished: Number of reviews finished so far.
        count: Number of pictures to choose.
    """
    count = min(count, len(centred))
    if finished < TYPICAL_FIRST:
        return typical(centred, count)
    random = round(RANDOM_SHARE * count)
    uncertain = np.argsort(margins(probabilities, exclusive), kind="stable")[: count - random]
    rest = np.setdiff1d(np.arange(len(centred)), uncertain)[:random]  # the input order is random
    return interleave(uncertain, rest)


def typical(centred: Vectors, count: int) -> Positions:
    """Return the picture nearest to the mean of each of `count` k-means clusters, large clusters first."""
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
    """Merge two sequences in their order, spreading the shorter evenly over the longer."""
    places = np.concatenate([(np.arange(len(x)) + 0.5) / max(len(x), 1) for x in (many, few)])
    return np.concatenate([many, few])[np.argsort(places, kind="stable")]


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """The next pictures of a view.

    Attributes:
        asset_ids: In review order.
        margins: Margins of all candidates, by asset id.
    """

    asset_ids: list[int]
    margins: dict[int, float]


def plan(connection: Connection, library: TagLibrary, view: View, *, count: int, without: set[int]) -> ReviewPlan:
    """Plan the next reviews; candidates are a random sample, or those with the smallest stored margins.

    Args:
        view: Its order is TEACHING or DOUBT.
        without: Pictures to exclude.
    """
    uncertain = view.order == Order.DOUBT
    query = select(assets.c.id).where(assets.c.review == "new", *in_batch(view.batch_id))
    query = query.order_by(assets.c.margin if uncertain else assets.c.sample).limit(_POOL + len(without))
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
    exclusive = exclusive_rows(matrix, rows)
    found_margins = margins(probabilities, exclusive)
    if uncertain:
        order: Positions = np.argsort(found_margins, kind="stable")[:count]
    else:
        finished = select(counters.c.n).where(counters.c.name == f"done.{profile.id}")
        reviews = int(connection.execute(finished).scalar() or 0)
        order = choose(matrix.pack.centre(pictures), probabilities, exclusive, finished=reviews, count=count)
    return ReviewPlan([known[i] for i in order], dict(zip(known, found_margins.tolist(), strict=True)))
