"""Proposals to split tags: 2-means on centred vectors, validated by the silhouette (Rousseeuw 1987)."""

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
"""Minimum number of examples of a tag."""

CUT = 0.2
"""Mean silhouette, in [-1, 1], from which a split is proposed. Of the ten garment classes of the clothing photos
one exceeds it, with a sensible split; of all unions of two classes, 70 % do."""

_MAX_EXAMPLES = 200
_MIN_SHARE = 0.2  # share of the examples in the smaller cluster
_MAX_STEPS = 20  # of 2-means


def find(connection: Connection, tag: Tag, fingerprint: str, *, pack: ReferencePack) -> Proposal | None:
    """Return a proposal to split a tag; None if its examples form one cluster or are too few."""
    query = select(labels.c.asset_id).where(labels.c.tag_id == tag.id, labels.c.value == 1)
    ids = list(connection.execute(query.order_by(labels.c.sample).limit(_MAX_EXAMPLES)).scalars())
    found = vectors.load(connection, fingerprint, ids)
    if len(found) < LEAST:
        return None
    asset_ids = sorted(found)
    pictures = unit(pack.centre(np.stack([found[a] for a in asset_ids])))
    second, silhouette = two_kinds(pictures)
    if min(second.mean(), 1 - second.mean()) < _MIN_SHARE or silhouette < CUT:
        return None
    if second.mean() > 0.5:
        second = ~second  # the smaller cluster becomes the new tag
    parts = [
        [a for a, is_second in zip(asset_ids, second, strict=True) if is_second == side] for side in (False, True)
    ]
    return Proposal("split", (tag.id,), round(silhouette, 4), {"parts": parts, "silhouette": round(silhouette, 3)})


def two_kinds(pictures: Vectors) -> tuple[NDArray[np.bool_], float]:
    """Cluster pictures with 2-means, deterministically.

    Args:
        pictures: `(n, d)` unit vectors, n at least 4.

    Returns:
        `(n,)` True for pictures of the second cluster, and the mean silhouette.
    """
    cosines = np.asarray(pictures @ pictures.T, np.float64)
    # Start from the two most dissimilar pictures, so that the result is deterministic.
    first, other = np.unravel_index(int(cosines.argmin()), cosines.shape)
    second = cosines[other] > cosines[first]
    for _ in range(_MAX_STEPS):
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
