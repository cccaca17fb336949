"""Groups: pictures that look alike, to be decided once.

Average linkage on the centred vectors of the pictures that come next as they were uploaded: near-duplicates, which
cameras and agencies make in bursts, lie side by side there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from tagging_core.embeddings.encoders import unit
from tagging_core.learning.classifier import Floats
from tagging_core.learning.clustering import clusters
from tagging_core.learning.suggestions import MAX_SUGGESTIONS, MIN_PROBABILITY, Suggester, settled_tags
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.ledger import projection
from tagging_core.review import queue
from tagging_core.review.queue import View
from tagging_core.review.sampling import SamplingRates

_POOL = 1000  # pictures that are grouped at once


@dataclass(frozen=True, slots=True)
class PictureGroup:
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
    rates: SamplingRates,
    without: Collection[int] = (),
) -> list[PictureGroup]:
    """Groups of two or more waiting pictures, the largest first.

    Args:
        without: Pictures that somebody else has open.
    """
    pool = queue.seen_together(connection, view, rates, _POOL, without)
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


def _group(ids: list[int], probabilities: Floats, matrix: TagMatrix, decided: list[dict]) -> PictureGroup:
    mean = probabilities.mean(axis=0)
    best = int(mean.argmax())
    agrees = (probabilities[:, best] >= MIN_PROBABILITY) & (probabilities.argmax(axis=1) == best)
    if agrees.sum() < 2:
        agrees[:] = True  # nothing stands out: nobody is odd
    taken = set.intersection(*(settled_tags(labels, matrix.taxonomy) for labels in decided))
    likely = [row for row in np.argsort(-mean, kind="stable") if mean[row] >= MIN_PROBABILITY][:MAX_SUGGESTIONS]
    tags = [(matrix.tag_ids[row], float(mean[row])) for row in likely if matrix.tag_ids[row] not in taken]
    return PictureGroup(
        [a for a, same in zip(ids, agrees, strict=True) if same],
        [a for a, same in zip(ids, agrees, strict=True) if not same],
        tags,
    )
