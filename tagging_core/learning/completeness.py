"""How completely people tag a category: how far a tag that a finished review left out is a "no".

An editor who tags garments and presses Done has said nothing about colours. How often a category's tags were
decided on finished pictures, beside how often the learned starter expects one there, tells both kinds of silence
apart: a category that rarely applies is rarely decided by complete editors as well.
"""

from __future__ import annotations

import numpy as np

from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.calibration import among_rivals
from tagging_core.learning.classifier import Floats, ReferencePack, sigmoid
from tagging_core.taxonomy.model import Category, Taxonomy

_PICTURES = 1.0
"""Pictures' worth of trust before there is any history."""

_PRESENCE = 0.5  # probability that a tag of a category applies, if no starter knows its tags


def presence(pictures: Vectors, category: Category, taxonomy: Taxonomy, *, pack: ReferencePack) -> Floats:
    """Return the probability that any tag of a category applies, as known before any decision.

    Args:
        pictures: `(n, d)` picture vectors, not yet centred.
        category: The category.
        taxonomy: Says which tags are in it.
        pack: The reference pack in force, with the priors of a learned starter.

    Returns:
        `(n,)` in [0, 1].
    """
    mine = sorted(tag.id for tag in taxonomy.tags.values() if tag.category_id == category.id)
    priors = [pack.priors[tag_id].model for tag_id in mine if tag_id in pack.priors]
    if not priors:
        return np.full(len(pictures), _PRESENCE)
    centred = pack.centre(pictures)
    logits = np.stack([model.logits(centred) for model in priors], axis=1)
    if category.id in pack.nothing:
        return np.asarray(sigmoid(among_rivals(logits, pack.nothing[category.id])).sum(axis=1).clip(0, 1))
    return np.asarray(1 - np.prod(1 - sigmoid(logits), axis=1))


def looked_at(decided: int, present: Floats) -> Floats:
    """Return the probability that a category was looked at on finished pictures without a decision in it.

    By Bayes' rule: a complete look decides something wherever a tag applies, so silence about a picture that surely
    has a tag of the category means that nobody looked.

    Args:
        decided: Number of finished pictures with a decision in the category.
        present: `(n,)` probability that any of its tags applies, of all n finished pictures; see `presence`.

    Returns:
        `(n,)` in [0, 1]; all 1 where people decide as often as expected.
    """
    share = min(1.0, (decided + _PICTURES) / (float(present.sum()) + _PICTURES))
    silent = share * (1 - present)
    return np.asarray(silent / (silent + 1 - share)) if share < 1 else np.ones(len(present))
