"""Best guesses: the likeliest tags of a picture for which nothing reaches the floor of suggestions."""

from __future__ import annotations

import numpy as np

from tagging_core.learning.suggestions import Scores, settled_tags
from tagging_core.ledger.events import Label


def best_guesses(
    scores: Scores, profile_id: str, decided: dict[str, Label], *, limit: int = 3
) -> list[tuple[str, float]]:
    """Return the likeliest tags of a picture, whatever their probability.

    Args:
        scores: Of one picture.
        profile_id: Selects the categories.
        decided: Its labels, which need no guess.
        limit: Maximum number.

    Returns:
        Tag ids with their probabilities in (0, 1), likeliest first.

    Raises:
        NotFoundError: There is no such profile.
    """
    matrix, probabilities = scores.matrix, scores.probabilities[0]
    closed = settled_tags(decided, matrix.taxonomy)
    rows = [row for row in matrix.in_play(matrix.taxonomy.profile(profile_id)) if matrix.tag_ids[row] not in closed]
    order = np.argsort(-probabilities[rows], kind="stable")[:limit]
    return [(matrix.tag_ids[rows[n]], float(probabilities[rows[n]])) for n in order]
