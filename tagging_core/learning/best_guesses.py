"""Best guesses: the likeliest tags of a picture for which nothing reaches the floor of suggestions."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from tagging_core.learning.suggestions import Suggester, settled_tags
from tagging_core.ledger.events import Label


def best_guesses(
    connection: Connection,
    suggester: Suggester,
    asset_id: int,
    *,
    profile_id: str,
    decided: dict[str, Label],
    limit: int = 3,
) -> list[tuple[str, float]] | None:
    """Return the likeliest tags of a picture, whatever their probability.

    Args:
        connection: A read or write transaction.
        suggester: Of the active model.
        asset_id: The picture.
        profile_id: Selects the categories.
        decided: Its labels, which need no guess.
        limit: Maximum number.

    Returns:
        Tag ids with their probabilities in (0, 1), likeliest first; None while the picture has no vector.

    Raises:
        NotFoundError: There is no such profile.
    """
    scores = suggester.score(connection, [asset_id], profile_id)
    if not scores.asset_ids:
        return None
    matrix, probabilities = scores.matrix, scores.probabilities[0]
    closed = settled_tags(decided, matrix.taxonomy)
    rows = [row for row in matrix.in_play(matrix.taxonomy.profile(profile_id)) if matrix.tag_ids[row] not in closed]
    order = np.argsort(-probabilities[rows], kind="stable")[:limit]
    return [(matrix.tag_ids[rows[n]], float(probabilities[rows[n]])) for n in order]
