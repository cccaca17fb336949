"""Fits a learned starter to labelled photos: the learner's own posterior becomes the prior of each starter tag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from tagging_core.embeddings.encoders import Encoder, LearnerDefaults, Vectors, default_mean, unit
from tagging_core.embeddings.vectors import encode_sentences
from tagging_core.errors import TagError
from tagging_core.learning.calibration import CalibrationData, among_rivals, fit_calibration
from tagging_core.learning.classifier import (
    Examples,
    Fit,
    Floats,
    ReferencePack,
    TagModel,
    TagPrior,
    fit_tag,
    initial_pack,
    text_anchor,
)
from tagging_core.learning.labelled_photos import LabelledPhoto, judgements
from tagging_core.learning.learned_starter import LearnedStarter
from tagging_core.learning.tag_texts import common_text
from tagging_core.taxonomy.model import Tag, Taxonomy

_RATE, _RATE_PHOTOS = 0.03, 10.0
"""Prior of a tag's base rate, and the number of photos it counts as."""

_HALF = 50.0
"""Photos with a tag that halve the prior variance left to decisions. Held-out log-loss after 20 to 110 decided
photos is flat from here to no reduction at all."""

_LEAST = 20  # photos with all tags of an exclusive category judged; fewer say nothing about "none of them"


def build_starter(
    encoder: Encoder, photos: Sequence[LabelledPhoto], taxonomy: Taxonomy, *, pictures: Vectors
) -> LearnedStarter:
    """Fit the starter of an encoder.

    Args:
        encoder: Embeds the tags' prompts.
        photos: The labelled photos.
        taxonomy: The starter library.
        pictures: `(n, d)` vectors of the photos.

    Returns:
        The starter, bound to the encoder's fingerprint.

    Raises:
        TagError: No photo was judged for any tag.
    """
    preset, tags = encoder.preset, taxonomy.active()
    applies, judged = judgements(photos, taxonomy, [tag.id for tag in tags])
    if not judged.any():
        raise TagError("No tag was judged on any photo; the column `categories` must name what was looked at.")
    sentences = [taxonomy.sentences(tag, preset.templates, preset.name) for tag in tags]
    texts = unit(np.stack(encode_sentences(encoder, sentences)) - common_text(encoder))
    return train_starter(
        preset.fingerprint,
        pictures,
        texts,
        tags=tags,
        applies=applies,
        judged=judged,
        taxonomy=taxonomy,
        pack=initial_pack(default_mean(preset, encoder.dimension), preset.learner),
        defaults=preset.learner,
    )


def train_starter(
    fingerprint: str,
    pictures: Vectors,
    texts: Vectors,
    *,
    tags: Sequence[Tag],
    applies: Floats,
    judged: NDArray[np.bool_],
    taxonomy: Taxonomy,
    pack: ReferencePack,
    defaults: LearnerDefaults,
) -> LearnedStarter:
    """Fit the classifiers of starter tags, calibrated on their leave-one-out logits.

    Args:
        fingerprint: Of the encoder's vector space.
        pictures: `(n, d)` vectors of the photos.
        texts: `(t, d)` text vectors of the tags, as from `TagTexts`.
        tags: The t tags; those that no photo was judged for are left out.
        applies: `(n, t)` 1 where a tag applies, else 0.
        judged: `(n, t)` whether a tag was judged on a photo.
        taxonomy: Says which categories are exclusive.
        pack: The pack that ships with the encoder; its mean becomes the starter's.
        defaults: The encoder's hyperparameters.

    Returns:
        The starter.
    """
    centred = pack.centre(pictures)
    known = [n for n in range(len(tags)) if judged[:, n].any()]
    fits = {}
    for n in known:
        seen = judged[:, n]
        fits[n] = _fit(texts[n], centred[seen], applies[seen, n], pack=pack, defaults=defaults)
    slopes, shifts = _calibrate(fits, tags, applies, judged=judged)
    priors, held_out = {}, np.full(applies.shape, np.nan)
    for n, slope, shift in zip(known, slopes, shifts, strict=True):
        held_out[judged[:, n], n] = slope * fits[n].held_out + shift
        model = fits[n].model
        scaled = TagModel((slope * model.weights).astype(np.float32), float(slope * model.bias + shift))
        with_tag = applies[judged[:, n], n].sum()
        priors[tags[n].id] = TagPrior(scaled, float(1 / (1 + with_tag / _HALF)), len(pictures))
    nothing = {}
    for category in taxonomy.categories.values():
        rows = [n for n in known if tags[n].category_id == category.id]
        whole = judged[:, rows].all(axis=1)
        if category.exclusive and rows and whole.sum() >= _LEAST:
            nothing[category.id] = _none_of(held_out[whole][:, rows], applies[whole][:, rows])
    return LearnedStarter(fingerprint, len(pictures), pack.mean, priors, nothing)


def _fit(
    text: Vectors, centred: Vectors, applies: Floats, *, pack: ReferencePack, defaults: LearnerDefaults
) -> Fit:
    """Fit one tag on top of its text, whose bias is replaced by the base rate among the photos."""
    odds = (applies.sum() + _RATE * _RATE_PHOTOS) / (len(applies) - applies.sum() + (1 - _RATE) * _RATE_PHOTOS)
    start = TagPrior(TagModel(text_anchor(text, pack, defaults).weights, float(np.log(odds))))
    return fit_tag(text, Examples(centred, applies, np.ones(len(applies))), pack, defaults=defaults, prior=start)


def _calibrate(
    fits: dict[int, Fit], tags: Sequence[Tag], applies: Floats, *, judged: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Slope and shift of each fitted tag."""
    ids, categories = [tags[n].id for n in fits], [tags[n].category_id for n in fits]
    sizes = [len(fit.held_out) for fit in fits.values()]
    data = CalibrationData(
        logits=np.concatenate([fit.held_out for fit in fits.values()]),
        labels=np.concatenate([applies[judged[:, n], n] for n in fits]),
        weights=np.ones(sum(sizes)),
        rows=np.repeat(np.arange(len(fits)), sizes),
        tag_ids=ids,
        category_ids=categories,
    )
    return fit_calibration(data).of(ids, categories)


def _none_of(logits: Floats, applies: Floats) -> float:
    """The logit of "none of them" under which the softmax of an exclusive category is likeliest."""
    signs = 2 * applies - 1

    def loss(nothing: float) -> float:
        return float(np.logaddexp(0, -signs * among_rivals(logits, nothing)).sum())

    return float(minimize_scalar(loss, bounds=(-8, 8), method="bounded").x)
