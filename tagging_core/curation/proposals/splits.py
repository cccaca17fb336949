"""Tags whose examples are of two kinds: 2-means on centred vectors, judged by the silhouette (Rousseeuw 1987)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from tagging_core.curation.proposals.store import Proposal
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors, unit
from tagging_core.learning.classifier import ReferencePack
from tagging_core.storage.schema import labels
from tagging_core.taxonomy.model import Tag

LEAST = 16
"""Examples from which on a tag is looked at."""

CUT = 0.2
"""Mean silhouette, in [-1, 1], from which a split is proposed. Of the ten garment classes of the clothing photos
one lies above and is well divided; of all pairs of them put together, seven in ten do."""

_MOST = 200
_SHARE = 0.2  # of all examples that the smaller kind must have
_STEPS = 20


def find(connection: Connection, tag: Tag, fingerprint: str, pack: ReferencePack) -> Proposal | None:
    """A proposal to split a tag; None if its examples look like one kind, or are few."""
    query = select(labels.c.asset_id).where(labels.c.tag_id == tag.id, labels.c.value == 1)
    ids = list(connection.execute(query.order_by(labels.c.sample).limit(_MOST)).scalars())
    found = vectors.load(connection, fingerprint, ids)
    if len(found) < LEAST:
        return None
    asset_ids = sorted(found)
    pictures = unit(pack.centre(np.stack([found[a] for a in asset_ids])))
    second, silhouette = two_kinds(pictures)
    if min(second.mean(), 1 - second.mean()) < _SHARE or silhouette < CUT:
        return None
    if second.mean() > 0.5:
        second = ~second  # the smaller kind would become a tag of its own
    parts = [
        [a for a, is_second in zip(asset_ids, second, strict=True) if is_second == side] for side in (False, True)
    ]
    return Proposal("split", (tag.id,), round(silhouette, 4), {"parts": parts, "silhouette": round(silhouette, 3)})


def two_kinds(pictures: Vectors) -> tuple[NDArray[np.bool_], float]:
    """Which pictures `(n,)` are of the second of two kinds, and the mean silhouette; the same at every call.

    Args:
        pictures: `(n, d)` unit vectors, n at least 4.
    """
    cosines = np.asarray(pictures @ pictures.T, np.float64)
    # The two that differ most start, so that nothing is left to chance.
    first, other = np.unravel_index(int(cosines.argmin()), cosines.shape)
    second = cosines[other] > cosines[first]
    for _ in range(_STEPS):
        means = np.stack([unit(pictures[~second].mean(axis=0)), unit(pictures[second].mean(axis=0))])
        near = pictures @ means.T
        moved = near[:, 1] > near[:, 0]
        if (moved == second).all() or moved.all() or not moved.any():
            break
        second = moved
    return second, _silhouette(1 - cosines, second)


def _silhouette(distances: NDArray[np.float64], second: NDArray[np.bool_]) -> float:
    sizes = np.where(second, second.sum(), (~second).sum())
    own = np.where(second, distances[:, second].sum(axis=1), distances[:, ~second].sum(axis=1))
    own = own / np.maximum(sizes - 1, 1)
    other = np.where(second, distances[:, ~second].mean(axis=1), distances[:, second].mean(axis=1))
    return float(((other - own) / np.maximum(np.maximum(own, other), 1e-9)).mean())
