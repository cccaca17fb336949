"""Why a tag: which decided pictures speak for and against it, and how much.

Exact for the learner in use: text and examples add up to the tag's logit (`learner.Fit.alphas`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from tagging_core.embeddings import vectors
from tagging_core.errors import NotFoundError
from tagging_core.learning.classifier import kernel
from tagging_core.learning.library import TagLibrary


@dataclass(frozen=True, slots=True)
class Evidence:
    """One decided picture.

    Attributes:
        applies: Whether the tag applies to it.
        logit: What it adds to the tag's logit for the picture in question; negative speaks against.
    """

    asset_id: int
    applies: bool
    logit: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a tag's probability for a picture comes from.

    Attributes:
        probability: As suggested from the picture alone, in (0, 1); rivals and calibration taken into account.
        text_logit: What the tag's text says of the picture.
        examples_logit: Sum over all examples, of which `evidence` lists the weightiest.
        evidence: Weightiest first.
    """

    probability: float
    text_logit: float
    examples_logit: float
    evidence: list[Evidence]


def explain(
    connection: Connection, library: TagLibrary, asset_id: int, tag_id: str, limit: int = 12
) -> Explanation:
    """Explain a tag's probability for a picture.

    Args:
        limit: How many decided pictures to name at most.

    Raises:
        NotFoundError: There is no such tag, or the picture has no vector.
    """
    matrix = library.matrix()
    tag = matrix.taxonomy.tag(tag_id)
    if tag.id not in matrix.rows:
        raise NotFoundError(f"The tag {tag.name()!r} is not in use, or was not fitted yet.")
    picture = vectors.load(connection, library.pictures, [asset_id]).get(asset_id)
    if picture is None:
        raise NotFoundError(f"Picture {asset_id} has no vector of the model in use; it was not embedded yet.")
    fit, choices, known = library.fit(connection, tag)
    centred = matrix.pack.centre(picture[None])
    added = (kernel(centred, known.vectors, library.defaults) * fit.alphas)[0] if choices else []
    found = [Evidence(c.asset_id, bool(c.label), float(a)) for c, a in zip(choices, added, strict=True)]
    return Explanation(
        probability=float(matrix.probabilities(picture[None])[0, matrix.rows[tag.id]]),
        text_logit=float(fit.anchor.logits(centred)[0]),
        examples_logit=float(sum(e.logit for e in found)),
        evidence=sorted((e for e in found if e.asset_id != asset_id), key=lambda e: -abs(e.logit))[:limit],
    )
