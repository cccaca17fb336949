"""Diverse recommendations: similar pictures without near-duplicates."""

from __future__ import annotations

import numpy as np

from tagging_core.embeddings.encoders import Vectors

TWIN = 0.96
"""Cosine similarity above which two pictures count as near-duplicates."""

_VARIETY = 0.35  # weight of the penalty for similarity to a picture chosen earlier, in [0, 1]


def diversify(pictures: Vectors, centred: Vectors, limit: int) -> list[int]:
    """Select rows similar to row 0 by maximal marginal relevance (Carbonell and Goldstein 1998), best first.

    Near-duplicates of row 0 and of selected rows are left out.

    Args:
        pictures: `(n, d)` unit vectors; row 0 is the query.
        centred: `(n, d)` the same vectors, centred on the gallery's mean.
        limit: Maximum number of rows.
    """
    similarity = centred @ centred[0]
    twins = pictures @ pictures.T > TWIN
    open_ = ~twins[0]
    redundancy = np.zeros(len(pictures))  # highest similarity to a chosen row
    chosen: list[int] = []
    while len(chosen) < limit and open_.any():
        score = (1 - _VARIETY) * similarity - _VARIETY * redundancy
        best = int(np.argmax(np.where(open_, score, -np.inf)))
        chosen.append(best)
        open_ &= ~twins[best]
        redundancy = np.maximum(redundancy, centred @ centred[best])
    return chosen
