"""Groups of similar pictures, to be decided at once.

Average linkage on the centred vectors of the next pictures in upload order, where near-duplicates from bursts lie
next to each other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection

from tagging_core.embeddings.encoders import unit
from tagging_core.learning.classifier import Floats
from tagging_core.learning.clustering import clusters
from tagging_core.learning.suggestions import MAX_SUGGESTIONS, MIN_PROBABILITY, Suggester, settled_tags
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.ledger import label_queries
from tagging_core.review import queue
from tagging_core.review.queue import View
from tagging_core.review.sampling import SamplingRates

_POOL = 1000  # pictures clustered together


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """A cluster of similar pictures.

    Attributes:
        asset_ids: Members that share the most probable tag, most typical first.
        odd: Members with a different most probable tag.
        tags: Suggested tags with their mean probability in (0, 1), most probable first.
    """

    asset_ids: list[int]
    odd: list[int]
    tags: list[tuple[str, float]]


def find(
    connection: Connection,
    suggester: Suggester,
    view: View,
    *,
    rates: SamplingRates,
    without: Collection[int] = (),
) -> list[PictureGroup]:
    """Return groups of at least two waiting pictures, largest first.

    Args:
        without: Pictures to exclude, such as those that others have leased.
    """
    pool = queue.assets_for_bulk(connection, view, rates, limit=_POOL, without=without)
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
    decided = label_queries.labels_of(connection, ids)
    groups = [
        _group(
            [ids[m] for m in members], masked[members], matrix, decided=[decided.get(ids[m], {}) for m in members]
        )
        for members in clusters(centred)
        if len(members) > 1
    ]
    return sorted(groups, key=lambda group: -len(group.asset_ids))


def _group(
    ids: list[int], probabilities: Floats, matrix: TagMatrix, *, decided: list[dict[str, Any]]
) -> PictureGroup:
    mean = probabilities.mean(axis=0)
    best = int(mean.argmax())
    agrees = (probabilities[:, best] >= MIN_PROBABILITY) & (probabilities.argmax(axis=1) == best)
    if agrees.sum() < 2:
        agrees[:] = True  # no tag is shared by two members, so none is odd
    settled = set.intersection(*(settled_tags(labels, matrix.taxonomy) for labels in decided))
    likely = [row for row in np.argsort(-mean, kind="stable") if mean[row] >= MIN_PROBABILITY][:MAX_SUGGESTIONS]
    tags = [(matrix.tag_ids[row], float(mean[row])) for row in likely if matrix.tag_ids[row] not in settled]
    return PictureGroup(
        [a for a, same in zip(ids, agrees, strict=True) if same],
        [a for a, same in zip(ids, agrees, strict=True) if not same],
        tags,
    )
