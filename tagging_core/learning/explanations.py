"""Explanations of a tag's probability: the decided pictures that are evidence for or against it.

Exact, not approximate: text and examples add up to the tag's logit (`classifier.Fit.alphas`).
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
    """A decided picture and its contribution.

    Attributes:
        applies: Whether the tag applies to the decided picture.
        logit: Contribution to the tag's logit on the explained picture; negative is evidence against.
    """

    asset_id: int
    applies: bool
    logit: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a tag's probability for a picture comes from.

    Attributes:
        probability: Calibrated, in (0, 1), from the picture without accompanying text.
        prior_logit: What the tag started from: its text, or a classifier learned before delivery.
        photos: Number of labelled photos behind that classifier; 0 for the text.
        examples_logit: Sum over all examples, including those not listed in `evidence`.
        evidence: Largest absolute contribution first.
    """

    probability: float
    prior_logit: float
    photos: int
    examples_logit: float
    evidence: list[Evidence]


def explain(
    connection: Connection, library: TagLibrary, asset_id: int, *, tag_id: str, limit: int = 12
) -> Explanation:
    """Explain a tag's probability for a picture.

    Args:
        connection: A read or write transaction.
        library: The library whose classifier is explained; the tag is fitted again, without storing the fit.
        asset_id: The picture.
        tag_id: The tag; the id of a merged tag is redirected.
        limit: Maximum number of decided pictures to list.

    Returns:
        The probability and its parts; a decision on the picture itself counts in the sum but is not listed.

    Raises:
        NotFoundError: There is no such tag, it is not active or not fitted yet, or the picture has no vector.
        EncoderError: The tag's text has no embedding yet and the encoder cannot be loaded.
    """
    matrix = library.matrix()
    tag = matrix.taxonomy.tag(tag_id)
    if tag.id not in matrix.rows:
        raise NotFoundError(f"The tag {tag.name()!r} is not active, or has not been fitted yet.")
    picture = vectors.load(connection, library.pictures, [asset_id]).get(asset_id)
    if picture is None:
        raise NotFoundError(f"Picture {asset_id} has no vector of the active model; it has not been embedded yet.")
    fit, choices, known = library.fit(connection, tag)
    centred = matrix.pack.centre(picture[None])
    added = (
        (kernel(centred, known.vectors, library.defaults, variance=fit.prior.variance) * fit.alphas)[0]
        if choices
        else []
    )
    found = [Evidence(c.asset_id, bool(c.label), float(a)) for c, a in zip(choices, added, strict=True)]
    return Explanation(
        probability=float(matrix.probabilities(picture[None])[0, matrix.rows[tag.id]]),
        prior_logit=float(fit.prior.model.logits(centred)[0]),
        photos=fit.prior.photos,
        examples_logit=float(sum(e.logit for e in found)),
        evidence=sorted((e for e in found if e.asset_id != asset_id), key=lambda e: -abs(e.logit))[:limit],
    )
