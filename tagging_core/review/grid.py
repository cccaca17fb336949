"""The grid: many pictures and one question, such as "Are these all dresses?"."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from tagging_core.learning.classifier import Floats
from tagging_core.learning.suggestions import MIN_PROBABILITY, Suggester, settled_tags
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.ledger import label_queries
from tagging_core.review import queue
from tagging_core.review.queue import View
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import assets, suggestions

SURE = 0.5
"""Pictures with at least this probability are preselected, unless the tag has a target precision of its own."""

_POOL = 300  # candidates by stored probability, and as many again at random from all waiting pictures


@dataclass(frozen=True, slots=True)
class GridCell:
    """A picture and its most probable tag.

    Attributes:
        probability: The tag's, in (0, 1).
        is_sure: Whether the picture is preselected: the probability is `SURE`, or what the tag's own target
            precision requires.
    """

    asset_id: int
    tag_id: str
    probability: float
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class GridPage:
    """Pictures for one question.

    Attributes:
        subject: Id of the tag or category; empty if there are no candidates.
        cells: Most probable first.
        asked: Number of candidates with a probability of at least `SURE` by tag id, most first.
    """

    subject: str
    cells: list[GridCell]
    asked: dict[str, int]


def page(
    connection: Connection,
    suggester: Suggester,
    view: View,
    *,
    rates: SamplingRates,
    subject: str = "",
    size: int = 48,
    without: Collection[int] = (),
) -> GridPage:
    """Return waiting pictures that probably have a tag, or a tag of a category.

    The number of candidates is bounded, so the cost does not grow with the queue.

    Args:
        subject: Id of a tag or category; if empty, the most frequently predicted tag.
        size: Maximum number of pictures.
        without: Pictures to exclude, such as those that others have leased.
    """
    pool = _pool(connection, view, rates, subject=subject, without=without, suggester=suggester)
    scored = suggester.score(connection, pool, view.profile)
    ids, matrix, probabilities = scored.asset_ids, scored.matrix, scored.probabilities
    if not ids or not matrix.tag_ids:
        return GridPage(subject, [], {})
    allowed = _open(connection, ids, matrix, profile=view.profile) & (probabilities >= MIN_PROBABILITY)
    sure = (allowed & (probabilities >= SURE)).sum(axis=0)
    asked = {matrix.tag_ids[row]: int(sure[row]) for row in np.argsort(-sure, kind="stable") if sure[row]}
    subject = subject or next(iter(asked), "")
    rows = [row for row, tag_id in enumerate(matrix.tag_ids) if subject in (tag_id, _category(matrix, tag_id))]
    return GridPage(
        subject, _cells(ids, matrix, np.where(allowed, probabilities, 0)[:, rows], rows=rows)[:size], asked
    )


def _pool(
    connection: Connection,
    view: View,
    rates: SamplingRates,
    *,
    subject: str,
    without: Collection[int],
    suggester: Suggester,
) -> list[int]:
    taxonomy = suggester.taxonomy()
    tag_ids = [t.id for t in taxonomy.active() if subject in (t.id, t.category_id)]
    query = (
        select(suggestions.c.asset_id)
        .join(assets, assets.c.id == suggestions.c.asset_id)
        .where(suggestions.c.profile == view.profile, suggestions.c.tag_id.in_(tag_ids))
        .where(assets.c.review == view.state, rates.not_blind(), *queue.in_batch(view.batch_id))
        .order_by(suggestions.c.probability.desc())
        .limit(_POOL)
    )
    likely = connection.execute(query).scalars().all() if subject else []
    drawn = queue.assets_for_bulk(connection, view, rates, limit=_POOL, without=without, sampled=True)
    return [asset_id for asset_id in dict.fromkeys([*likely, *drawn]) if asset_id not in without]


def _open(connection: Connection, ids: list[int], matrix: TagMatrix, *, profile: str) -> np.ndarray:
    """Mask `(n, t)` of tags in the profile's categories that are not sensitive and undecided on the picture."""
    allowed = np.zeros((len(ids), len(matrix.tag_ids)), bool)
    in_play = matrix.in_play(matrix.taxonomy.profile(profile))
    allowed[:, [row for row in in_play if not matrix.taxonomy.tags[matrix.tag_ids[row]].sensitive]] = True
    decided = label_queries.labels_of(connection, ids)
    for place, asset_id in enumerate(ids):
        for tag_id in settled_tags(decided.get(asset_id, {}), matrix.taxonomy) & matrix.rows.keys():
            allowed[place, matrix.rows[tag_id]] = False
    return allowed


def _cells(ids: list[int], matrix: TagMatrix, probabilities: Floats, *, rows: list[int]) -> list[GridCell]:
    """Each picture's most probable tag, most probable picture first; `rows` are the matrix rows of the columns."""
    if not rows:
        return []
    best = probabilities.argmax(axis=1)
    found = [
        GridCell(asset_id, matrix.tag_ids[rows[column]], float(probabilities[place, column]))
        for place, (asset_id, column) in enumerate(zip(ids, best, strict=True))
        if probabilities[place, column] > 0
    ]
    return sorted(found, key=lambda cell: -cell.probability)


def _category(matrix: TagMatrix, tag_id: str) -> str:
    return matrix.taxonomy.tags[tag_id].category_id
