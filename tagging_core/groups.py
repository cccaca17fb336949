"""Groups: pictures that look alike, to be decided once.

Average linkage on the centred vectors of the pictures that come next as they were uploaded: near-duplicates, which
cameras and agencies make in bursts, lie side by side there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sqlalchemy import Connection

from tagging_core import projection, queue
from tagging_core.encoders import Vectors, unit
from tagging_core.learner import Floats
from tagging_core.queue import View
from tagging_core.sampling import Shares
from tagging_core.suggesting import FLOOR, LIMIT, Suggester, closed
from tagging_core.tag_matrix import TagMatrix

MOST = 60
"""Pictures of a group at most, so that all are seen."""

_POOL = 1000  # pictures that are grouped at once
_CUT = 0.5  # mean cosine distance within a group; on the clothing photos nine in ten of a group are of one class


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that look alike.

    Attributes:
        asset_ids: Those that belong together, the most typical first.
        odd: Those that look alike, but that the library thinks something else of.
        tags: Tags that the group probably has, with the mean probability in (0, 1), likeliest first.
    """

    asset_ids: list[int]
    odd: list[int]
    tags: list[tuple[str, float]]


def find(
    connection: Connection,
    suggester: Suggester,
    view: View,
    shares: Shares,
    without: Collection[int] = (),
) -> list[Group]:
    """Groups of two or more waiting pictures, the largest first.

    Args:
        without: Pictures that somebody else has open.
    """
    pool = queue.seen_together(connection, view, shares, _POOL, without)
    scored = suggester.score(connection, pool, view.profile)
    ids, matrix, probabilities = scored.asset_ids, scored.matrix, scored.probabilities
    if len(ids) < 2 or not matrix.tag_ids:
        return []
    centred = unit(matrix.pack.centre(scored.vectors))
    in_play = [
        row
        for row in matrix.in_play(matrix.taxonomy.profile(view.profile))
        if not matrix.taxonomy.tags[matrix.tag_ids[row]].sensitive
    ]
    masked = np.zeros_like(probabilities)
    masked[:, in_play] = probabilities[:, in_play]
    decided = projection.labels_of(connection, ids)
    groups = [
        _group([ids[m] for m in members], masked[members], matrix, [decided.get(ids[m], {}) for m in members])
        for members in clusters(centred)
        if len(members) > 1
    ]
    return sorted(groups, key=lambda group: -len(group.asset_ids))


def clusters(pictures: Vectors) -> list[NDArray[np.int64]]:
    """Positions of the pictures `(n, d)`, unit vectors, of each tight cluster, the most typical of each first."""
    distances = np.clip(1 - np.asarray(pictures @ pictures.T, np.float64), 0, 2)
    np.fill_diagonal(distances, 0)
    names = fcluster(linkage(squareform(distances, checks=False), "average"), _CUT, "distance")
    found = []
    for name in np.unique(names):
        members = np.flatnonzero(names == name)
        spread = distances[np.ix_(members, members)].mean(axis=1)
        found.append(members[np.argsort(spread, kind="stable")][:MOST])
    return found


def _group(ids: list[int], probabilities: Floats, matrix: TagMatrix, decided: list[dict]) -> Group:
    mean = probabilities.mean(axis=0)
    best = int(mean.argmax())
    agrees = (probabilities[:, best] >= FLOOR) & (probabilities.argmax(axis=1) == best)
    if agrees.sum() < 2:
        agrees[:] = True  # nothing stands out: nobody is odd
    taken = set.intersection(*(closed(labels, matrix.taxonomy) for labels in decided))
    likely = [row for row in np.argsort(-mean, kind="stable") if mean[row] >= FLOOR][:LIMIT]
    tags = [(matrix.tag_ids[row], float(mean[row])) for row in likely if matrix.tag_ids[row] not in taken]
    return Group(
        [a for a, same in zip(ids, agrees, strict=True) if same],
        [a for a, same in zip(ids, agrees, strict=True) if not same],
        tags,
    )
