"""Uncertainty of predictions by their margin (margin sampling)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, bindparam, update

from tagging_core.learning.classifier import Floats
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Profile


def margins(probabilities: Floats, exclusive: Sequence[Sequence[int]]) -> Floats:
    """Return the smallest margin `(n,)` of each picture, in [0, 1]; 0 is most uncertain.

    The margin of an exclusive category is the difference between its two most probable outcomes, including "none of
    them"; that of any other tag is twice the distance of its probability from 0.5.

    Args:
        probabilities: `(n, t)` in (0, 1).
        exclusive: Columns of each exclusive category.
    """
    among = [_gap(probabilities[:, list(columns)]) for columns in exclusive]
    independent = np.setdiff1d(np.arange(probabilities.shape[1]), np.concatenate([*exclusive, []]))
    if len(independent):
        among.append(np.abs(2 * probabilities[:, independent] - 1).min(axis=1))
    return np.asarray(np.min(among, axis=0))


def _gap(shares: Floats) -> Floats:
    nothing = np.maximum(0, 1 - shares.sum(axis=1, keepdims=True))
    best = -np.partition(-np.hstack([shares, nothing]), 1, axis=1)[:, :2]
    return np.asarray(best[:, 0] - best[:, 1])


def picture_margins(matrix: TagMatrix, profile: Profile, probabilities: Floats) -> Floats:
    """Return the margins `(n,)` of pictures over the tags of a profile's categories; 1 if it has none.

    Args:
        probabilities: `(n, t)` over all tags of the matrix.
    """
    rows = matrix.in_play(profile)
    if not rows:
        return np.ones(len(probabilities))
    return margins(probabilities[:, rows], exclusive_rows(matrix, rows))


def save_margins(connection: Connection, found: dict[int, float]) -> None:
    """Store margins by asset id; the queue's order by doubt sorts by them."""
    rows = [{"picture": asset_id, "found": margin} for asset_id, margin in found.items()]
    if rows:
        mine = update(assets).where(assets.c.id == bindparam("picture"))
        connection.execute(mine.values(margin=bindparam("found")), rows)


def exclusive_rows(matrix: TagMatrix, rows: list[int]) -> list[list[int]]:
    """Indices into `rows` of the tags of each exclusive category."""
    columns_by_row = {row: place for place, row in enumerate(rows)}
    groups = [[columns_by_row[row] for row in group if row in columns_by_row] for group, _ in matrix.rivals]
    return [group for group in groups if group]
