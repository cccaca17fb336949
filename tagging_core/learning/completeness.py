"""How completely people tag a category: how far a tag that a finished review left out is a "no".

An editor who tags garments and presses Done has said nothing about colours. How often a category's tags were
decided on finished pictures, beside how often the learned starter expects one there, tells both kinds of silence
apart: a category that rarely applies is rarely decided by complete editors as well.
"""

from __future__ import annotations

import numpy as np

from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.calibration import among_rivals
from tagging_core.learning.classifier import ReferencePack, sigmoid
from tagging_core.taxonomy.model import Category, Taxonomy

_PICTURES = 1.0
"""Pictures' worth of trust before there is any history. It bounds what unseen categories lose: all left-out tags of
a category that nobody looks at weigh together as much as those of about one picture."""

_EXPECTED = 0.2  # share of pictures with a tag of the category, if no starter knows its tags


def completeness(decided: int, expected: float) -> float:
    """Return the probability that a category was looked at on a finished picture without a decision in it.

    Args:
        decided: Number of finished pictures with a decision in the category.
        expected: Number of the same pictures that probably have a tag of it.

    Returns:
        In (0, 1]; 1 where people decide as often as expected.
    """
    return min(1.0, (decided + _PICTURES) / (expected + _PICTURES))


def expected_presence(pictures: Vectors, category: Category, taxonomy: Taxonomy, *, pack: ReferencePack) -> float:
    """Return on how many pictures a tag of a category probably applies, as known before any decision.

    Args:
        pictures: `(n, d)` picture vectors, not yet centred.
        category: The category.
        taxonomy: Says which tags are in it.
        pack: The reference pack in force, with the priors of a learned starter.

    Returns:
        The expected number of pictures, in [0, n].
    """
    mine = sorted(tag.id for tag in taxonomy.tags.values() if tag.category_id == category.id)
    priors = [pack.priors[tag_id].model for tag_id in mine if tag_id in pack.priors]
    if not priors or not len(pictures):
        return _EXPECTED * len(pictures)
    centred = pack.centre(pictures)
    logits = np.stack([model.logits(centred) for model in priors], axis=1)
    if category.id in pack.nothing:
        return float(sigmoid(among_rivals(logits, pack.nothing[category.id])).sum())
    return float((1 - np.prod(1 - sigmoid(logits), axis=1)).sum())
