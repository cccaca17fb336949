"""Trying a tag's text before it is saved: which pictures would gain it, which would lose it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.classifier import sigmoid
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.ledger import label_queries
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Tag

_POOL = 2000
"""Pictures that stand for the archive, the lowest `sample` numbers: a random choice that is always the same."""


@dataclass(frozen=True, slots=True)
class ProbabilityChange:
    """A picture, and the tag's probability for it before and after, in (0, 1)."""

    asset_id: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class PromptTrial:
    """What a tag's new text would do.

    Attributes:
        looked_at: Pictures that were tried.
        gains: Those that would have the tag suggested and have not, the largest difference first.
        loses: Those that have it suggested and would not any more.
        stay: How many have it suggested either way.
    """

    looked_at: int
    gains: list[ProbabilityChange]
    loses: list[ProbabilityChange]
    stay: int


def try_tag(connection: Connection, library: TagLibrary, tag: Tag) -> PromptTrial:
    """Compare a tag as it would be with the tag as it is; what was decided counts for both.

    Args:
        tag: As it would be; without an id it is a new one.

    Raises:
        EncoderError: The text must be embedded and the encoder cannot be loaded.
    """
    matrix = library.matrix()
    asset_ids, pictures = _undecided(connection, library, tag.id)
    if not asset_ids:
        return PromptTrial(0, [], [], 0)
    fit, _, _ = library.fit(connection, tag)
    own = fit.model.logits(matrix.pack.centre(pictures))
    if tag.id in matrix.rows:
        before = matrix.probability_of(tag.id, pictures)
        after = matrix.probability_of(tag.id, pictures, own)
    else:  # a new tag has the slope and shift of its category, and no rivals yet
        slopes, shifts = matrix.calibration.of([tag.id], [tag.category_id])
        before, after = np.zeros(len(own)), np.asarray(sigmoid(own * slopes + shifts))
    moved = [ProbabilityChange(a, float(b), float(c)) for a, b, c in zip(asset_ids, before, after, strict=True)]
    return PromptTrial(
        looked_at=len(moved),
        gains=sorted((m for m in moved if m.before < MIN_PROBABILITY <= m.after), key=lambda m: m.before - m.after),
        loses=sorted((m for m in moved if m.after < MIN_PROBABILITY <= m.before), key=lambda m: m.after - m.before),
        stay=sum(m.before >= MIN_PROBABILITY and m.after >= MIN_PROBABILITY for m in moved),
    )


def likely(connection: Connection, library: TagLibrary, tag_id: str, limit: int) -> list[tuple[int, float]]:
    """Pictures that probably have a tag and on which nobody decided it, with its probability, likeliest first."""
    matrix = library.matrix()
    if tag_id not in matrix.rows:
        return []
    asset_ids, pictures = _undecided(connection, library, tag_id)
    if not asset_ids:
        return []
    p = matrix.probability_of(tag_id, pictures)
    return [(asset_ids[n], float(p[n])) for n in np.argsort(-p, kind="stable")[:limit] if p[n] >= MIN_PROBABILITY]


def _undecided(connection: Connection, library: TagLibrary, tag_id: str) -> tuple[list[int], Vectors]:
    ids = list(connection.execute(select(assets.c.id).order_by(assets.c.sample).limit(_POOL)).scalars())
    found = vectors.load(connection, library.pictures, ids)
    decided = label_queries.decided_assets(connection, tag_id, list(found)) if tag_id else set()
    asset_ids = [a for a in sorted(found) if a not in decided]
    return asset_ids, np.stack([found[a] for a in asset_ids]) if asset_ids else np.zeros((0, 1), np.float32)
