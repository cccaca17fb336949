"""Clusters of pictures that look alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from tagging_core.embeddings.encoders import Vectors

MOST = 60
"""Pictures of a group at most, so that all are seen."""
_CUT = 0.5  # mean cosine distance within a group; on the clothing photos nine in ten of a group are of one class


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
