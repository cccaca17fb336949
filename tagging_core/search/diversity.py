"""Choosing pictures that resemble one without being the same picture again and again."""

from __future__ import annotations

import numpy as np

from tagging_core.embeddings.encoders import Vectors

TWIN = 0.96
"""Cosine above which two pictures are one to a person."""

_VARIETY = 0.35  # how much a picture loses for being like one that was chosen before


def diversify(pictures: Vectors, centred: Vectors, limit: int) -> list[int]:
    """Rows that are like the first, but neither its twins nor one another's; best first.

    Maximal marginal relevance: Carbonell and Goldstein 1998.

    Args:
        pictures: `(n, d)` unit vectors; row 0 is the picture that others should be like.
        centred: `(n, d)` the same around the gallery's mean.
        limit: Rows at most.
    """
    closeness = centred @ centred[0]
    twins = pictures @ pictures.T > TWIN
    open_ = ~twins[0]
    worst = np.zeros(len(pictures))
    chosen: list[int] = []
    while len(chosen) < limit and open_.any():
        worth = (1 - _VARIETY) * closeness - _VARIETY * worst
        best = int(np.argmax(np.where(open_, worth, -np.inf)))
        chosen.append(best)
        open_ &= ~twins[best]
        worst = np.maximum(worst, centred @ centred[best])
    return chosen
