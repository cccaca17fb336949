"""Clusters of pictures that look alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from tagging_core.embeddings.encoders import Vectors

MOST = 60
"""Maximum number of pictures per cluster, so that all fit on one page."""
_CUT = 0.5  # mean cosine distance; on the clothing photos, nine in ten pictures of a cluster share one class


def clusters(pictures: Vectors) -> list[NDArray[np.int64]]:
    """Return the indices of each cluster's members, most typical first, by average linkage.

    Args:
        pictures: `(n, d)` unit vectors, n at least 2.
    """
    distances = np.clip(1 - np.asarray(pictures @ pictures.T, np.float64), 0, 2)
    np.fill_diagonal(distances, 0)
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), _CUT, "distance")
    found = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        spread = distances[np.ix_(members, members)].mean(axis=1)
        found.append(members[np.argsort(spread, kind="stable")][:MOST])
    return found
