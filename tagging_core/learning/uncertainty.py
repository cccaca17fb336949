"""How close the library is to changing its mind about a picture (margin sampling)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection, bindparam, update

from tagging_core.learning.classifier import Floats
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Profile


def margins(probabilities: Floats, exclusive: Sequence[Sequence[int]]) -> Floats:
    """How far `(n,)` the library is from changing its mind about each picture, in [0, 1]; 0 is greatest doubt.

    For tags of an exclusive category the difference between the two likeliest, "none of them" included; for others
    twice the distance from one half. The least of them counts.
    """
    among = [_gap(probabilities[:, list(columns)]) for columns in exclusive]
    alone = np.setdiff1d(np.arange(probabilities.shape[1]), np.concatenate([*exclusive, []]))
    if len(alone):
        among.append(np.abs(2 * probabilities[:, alone] - 1).min(axis=1))
    return np.min(among, axis=0)


def _gap(shares: Floats) -> Floats:
    nothing = np.maximum(0, 1 - shares.sum(axis=1, keepdims=True))
    best = -np.partition(-np.hstack([shares, nothing]), 1, axis=1)[:, :2]
    return np.asarray(best[:, 0] - best[:, 1])


def picture_margins(matrix: TagMatrix, profile: Profile, probabilities: Floats) -> Floats:
    """The margins `(n,)` of pictures, over the tags that a profile has in play; 1 where it has none.

    Args:
        probabilities: `(n, t)` over all tags of the matrix.
    """
    rows = matrix.in_play(profile)
    if not rows:
        return np.ones(len(probabilities))
    return margins(probabilities[:, rows], _exclusive(matrix, rows))


def save_margins(connection: Connection, found: dict[int, float]) -> None:
    """Write down how sure the library is of pictures, which the order of doubt goes by."""
    rows = [{"picture": asset_id, "found": margin} for asset_id, margin in found.items()]
    if rows:
        mine = update(assets).where(assets.c.id == bindparam("picture"))
        connection.execute(mine.values(margin=bindparam("found")), rows)


def _exclusive(matrix: TagMatrix, rows: list[int]) -> list[list[int]]:
    """Positions in `rows` of the tags of each exclusive category."""
    places = {row: place for place, row in enumerate(rows)}
    groups = [[places[row] for row in group if row in places] for group, _ in matrix.rivals]
    return [group for group in groups if group]
