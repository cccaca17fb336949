"""Preview of a tag's new text before it is saved: which pictures would gain or lose the tag."""

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

_SAMPLE_SIZE = 2000  # pictures with the lowest `sample` numbers: a fixed random sample


@dataclass(frozen=True, slots=True)
class ProbabilityChange:
    """Probability of the tag on a picture before and after the change, in [0, 1]; 0 before for a new tag."""

    asset_id: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class PromptTrial:
    """Effect of a tag's new text.

    Attributes:
        looked_at: Number of pictures compared.
        gains: Pictures on which the tag would be newly suggested, largest difference first.
        loses: Pictures on which it would no longer be suggested, largest difference first.
        stay: Number of pictures on which it is suggested either way.
    """

    looked_at: int
    gains: list[ProbabilityChange]
    loses: list[ProbabilityChange]
    stay: int


def try_tag(connection: Connection, library: TagLibrary, tag: Tag) -> PromptTrial:
    """Compare a changed tag with the stored one on undecided pictures; both are fitted to the same decisions.

    Args:
        tag: The changed tag, or a new one without an id.

    Raises:
        EncoderError: The new text must be embedded, and the encoder cannot be loaded.
    """
    matrix = library.matrix()
    asset_ids, pictures = _undecided(connection, library, tag.id)
    if not asset_ids:
        return PromptTrial(0, [], [], 0)
    fit, _, _ = library.fit(connection, tag)
    logits = fit.model.logits(matrix.pack.centre(pictures))
    if tag.id in matrix.rows:
        before = matrix.probability_of(tag.id, pictures)
        after = matrix.probability_of(tag.id, pictures, logits)
    else:  # a new tag uses the calibration of its category and competes with no other tag yet
        slopes, shifts = matrix.calibration.of([tag.id], [tag.category_id])
        before, after = np.zeros(len(logits)), np.asarray(sigmoid(logits * slopes + shifts))
    moved = [ProbabilityChange(a, float(b), float(c)) for a, b, c in zip(asset_ids, before, after, strict=True)]
    return PromptTrial(
        looked_at=len(moved),
        gains=sorted((m for m in moved if m.before < MIN_PROBABILITY <= m.after), key=lambda m: m.before - m.after),
        loses=sorted((m for m in moved if m.after < MIN_PROBABILITY <= m.before), key=lambda m: m.after - m.before),
        stay=sum(m.before >= MIN_PROBABILITY and m.after >= MIN_PROBABILITY for m in moved),
    )


def likely(connection: Connection, library: TagLibrary, tag_id: str, *, limit: int) -> list[tuple[int, float]]:
    """Return (asset id, probability) of undecided pictures that probably have a tag, most probable first."""
    matrix = library.matrix()
    if tag_id not in matrix.rows:
        return []
    asset_ids, pictures = _undecided(connection, library, tag_id)
    if not asset_ids:
        return []
    p = matrix.probability_of(tag_id, pictures)
    return [(asset_ids[n], float(p[n])) for n in np.argsort(-p, kind="stable")[:limit] if p[n] >= MIN_PROBABILITY]


def _undecided(connection: Connection, library: TagLibrary, tag_id: str) -> tuple[list[int], Vectors]:
    ids = list(connection.execute(select(assets.c.id).order_by(assets.c.sample).limit(_SAMPLE_SIZE)).scalars())
    found = vectors.load(connection, library.pictures, ids)
    decided = label_queries.decided_assets(connection, tag_id, list(found)) if tag_id else set()
    asset_ids = [a for a in sorted(found) if a not in decided]
    return asset_ids, np.stack([found[a] for a in asset_ids]) if asset_ids else np.zeros((0, 1), np.float32)
