"""One linear classifier per tag, fitted to decisions on frozen, centred picture vectors.

A tag's logit for a centred unit vector x is `anchor(x) + sum_i alpha_i k(x_i, x)`: the zero-shot text anchor plus
a maximum a posteriori logistic regression on the residual, in dual form. A fit depends only on the set of
decisions, so their order does not matter and undo is a refit. Alphas give each example's exact contribution, and
leave-one-out logits need no further fits.

Sources: Rasmussen and Williams 2006, algorithm 3.1 (Newton steps in the dual) and section 5.4.2 (leave-one-out);
`benchmarks.learning` compares it with the alternatives, docs/learning.md has the formulas and figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from tagging_core.embeddings.encoders import LearnerDefaults, Vectors, unit

Floats = NDArray[np.float64]

_BIAS_VARIANCE = 0.1
_WIDE_PERCENTILE = 90
"""The text scale comes from the tags that the encoder separates best. A mean over all tags is dominated by poorly
separated ones and made predictions overconfident (log-loss of garment tags .34 instead of .27, clothing photos)."""
_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class TagModel:
    """A tag's classifier: the logit of a centred picture x is `weights.x + bias`."""

    weights: Vectors
    bias: float

    def logits(self, centred: Vectors) -> Floats:
        """Return logits `(n,)` of centred pictures `(n, d)`."""
        return np.asarray(centred @ self.weights, np.float64) + self.bias


@dataclass(frozen=True, slots=True)
class TagPrior:
    """A classifier that a tag starts from instead of its text.

    Attributes:
        model: The classifier.
        variance: Factor in (0, 1] on the prior variance of what decisions add; the smaller, the firmer.
        photos: Number of labelled photos it was fitted to; 0 for a text.
    """

    model: TagModel
    variance: float = 1.0
    photos: int = 0


@dataclass(frozen=True, slots=True)
class ReferencePack:
    """What is known before any decision: statistics of unlabelled pictures; immutable and versioned.

    Attributes:
        version: 0 for the values shipped with the encoder, then counting up.
        mean: `(d,)` mean picture vector of the gallery.
        spread: Mean norm of a picture vector after subtracting the mean, in (0, 1].
        text_scale: Standard deviation over pictures of the product with a tag's text, at a high percentile of
            tags.
        priors: By tag id, from a learned starter; its classifiers expect pictures centred by this pack's mean.
        nothing: Logit of "none of them" by exclusive category, from a learned starter.
    """

    version: int
    mean: Vectors
    spread: float
    text_scale: float
    priors: Mapping[str, TagPrior] = field(default_factory=dict)
    nothing: Mapping[str, float] = field(default_factory=dict)

    def centre(self, vectors: Vectors) -> Vectors:
        """Subtract the gallery's mean and normalise to unit length; `(n, d)` or `(d,)`."""
        return unit(vectors - self.mean)


@dataclass(frozen=True, slots=True)
class Examples:
    """Decided pictures of one tag.

    Attributes:
        vectors: `(n, d)` centred unit vectors.
        labels: `(n,)` 1 where the tag applies, 0 where it does not.
        weights: `(n,)` sample weights in (0, 1]; 1 for an explicit decision.
    """

    vectors: Vectors
    labels: Floats
    weights: Floats

    @property
    def positives(self) -> int:
        """Number of pictures that have the tag."""
        return int(self.labels.sum())


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted tag.

    Attributes:
        model: The classifier.
        prior: What it started from.
        alphas: `(n,)` dual coefficients: example i adds `alphas[i] * kernel(x_i, x)` to the logit of a picture x.
        held_out: `(n,)` leave-one-out logits of the examples.
    """

    model: TagModel
    prior: TagPrior
    alphas: Floats
    held_out: Floats


def initial_pack(mean: Vectors, defaults: LearnerDefaults) -> ReferencePack:
    """Return the pack that ships with an encoder, version 0."""
    spread = float(np.sqrt(max(1e-3, 1 - float(mean @ mean))))
    return ReferencePack(0, mean, spread, defaults.text_scale)


def measure_pack(gallery: Vectors, texts: Vectors, previous: ReferencePack) -> ReferencePack:
    """Measure a pack on a sample of pictures.

    Args:
        gallery: `(n, d)` picture vectors, n at least 2.
        texts: `(t, d)` text vectors of the tags, as from `TagTexts`.
        previous: The current pack, whose version is incremented.
    """
    mean = gallery.mean(axis=0)
    away = gallery - mean
    text = unit(away) @ texts.T
    return ReferencePack(
        version=previous.version + 1,
        mean=mean,
        spread=float(np.linalg.norm(away, axis=1).mean()),
        text_scale=float(max(1e-3, np.percentile(text.std(axis=0), _WIDE_PERCENTILE))),
    )


def fit_tag(
    text: Vectors,
    examples: Examples,
    pack: ReferencePack,
    *,
    defaults: LearnerDefaults,
    prior: TagPrior | None = None,
) -> Fit:
    """Fit one tag.

    Args:
        text: `(d,)` centred unit vector of the tag's prompts, as from `TagTexts`.
        examples: Decided pictures; without any, the result is the prior's classifier.
        pack: The current reference pack.
        defaults: The encoder's hyperparameters.
        prior: What the tag starts from; the zero-shot classifier of its text if None.

    Returns:
        The classifier with its parts and leave-one-out logits.
    """
    prior = prior or TagPrior(text_anchor(text, pack, defaults))
    anchor, variance = prior.model, prior.variance
    if not len(examples.labels):
        return Fit(anchor, prior, np.zeros(0), np.zeros(0))
    offsets = anchor.logits(examples.vectors)
    gram = kernel(examples.vectors, examples.vectors, defaults, variance=variance)
    alphas = _map_logistic(gram, examples, offsets)
    delta = _metric(defaults, examples.vectors.shape[1]) * (alphas.astype(np.float32) @ examples.vectors)
    model = TagModel(
        np.asarray(anchor.weights + variance * defaults.residual_variance * delta, np.float32),
        anchor.bias + _BIAS_VARIANCE * float(alphas.sum()),
    )
    return Fit(model, prior, alphas, _leave_one_out(gram, examples, offsets, alphas=alphas))


def text_anchor(text: Vectors, pack: ReferencePack, defaults: LearnerDefaults) -> TagModel:
    """Return the zero-shot classifier: product with the text, scaled by `text_scale`, plus the prior's logit.

    Centred pictures remove a text's mean similarity to all pictures, else such texts would be suggested everywhere;
    centred texts remove a picture's mean similarity to all texts. So probabilities hardly depend on what an encoder
    adds to all pictures or texts, nor on the spread of its similarities.
    """
    return TagModel(np.asarray(defaults.slope / pack.text_scale * text, np.float32), logit(defaults.prior))


def kernel(left: Vectors, right: Vectors, defaults: LearnerDefaults, *, variance: float = 1.0) -> Floats:
    """Return the kernel `(n, m)` of centred pictures `(n, d)` and `(m, d)`, in logits per unit of alpha.

    Args:
        left: Centred unit vectors.
        right: Centred unit vectors.
        defaults: The encoder's hyperparameters.
        variance: Of the tag's prior, see `TagPrior`.
    """
    scaled = left * _metric(defaults, left.shape[1])
    return variance * defaults.residual_variance * (scaled @ right.T).astype(np.float64) + _BIAS_VARIANCE


def sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """The logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def logit(probability: float) -> float:
    """The inverse of `sigmoid`, for a probability in (0, 1)."""
    return float(np.log(probability / (1 - probability)))


def _metric(defaults: LearnerDefaults, dimension: int) -> Vectors:
    """Gain `(d,)` of each dimension in the kernel; parts of a vector without text still separate pictures."""
    if not defaults.metric:
        return np.ones(dimension, np.float32)
    lengths, gains = zip(*defaults.metric, strict=True)
    return np.repeat(np.asarray(gains, np.float32), [int(n) for n in lengths])


def _map_logistic(gram: Floats, examples: Examples, offsets: Floats) -> Floats:
    """Dual coefficients `(n,)` of the MAP logistic regression with fixed offsets.

    Newton's method in the dual costs O(n^3), independent of d; backtracking keeps it from diverging.
    """
    y, omega = examples.labels, examples.weights
    signs = 2 * y - 1
    alpha = np.zeros(len(y))

    def loss(a: Floats, f: Floats) -> float:
        return float(omega @ np.logaddexp(0, -signs * (offsets + f)) + 0.5 * a @ f)

    f = gram @ alpha
    current = loss(alpha, f)
    for _ in range(_NEWTON_STEPS):
        p = sigmoid(offsets + f)
        w = np.maximum(omega * p * (1 - p), 1e-10)
        root = np.sqrt(w)
        right = w * f + omega * (y - p)
        system = root[:, None] * gram * root
        system[np.diag_indices_from(system)] += 1
        factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        step = right - root * cho_solve(factor, root * (gram @ right), check_finite=False) - alpha
        along, size = gram @ step, 1.0
        while (proposed := loss(alpha + size * step, f + size * along)) > current and size > 1e-4:
            size /= 2
        if proposed > current:
            break
        alpha, f = alpha + size * step, f + size * along
        if current - proposed < 1e-7:
            break
        current = proposed
    return alpha


def _leave_one_out(gram: Floats, examples: Examples, offsets: Floats, *, alphas: Floats) -> Floats:
    """Leave-one-out logits `(n,)` of the examples, by one Newton step from the full fit.

    `f_i - alpha_i (1 / H_ii - 1 / w_i)` with `H = (K + W^-1)^-1`, where w are the likelihood's second derivatives.
    """
    f = gram @ alphas
    p = sigmoid(offsets + f)
    w = np.maximum(examples.weights * p * (1 - p), 1e-10)
    root = np.sqrt(w)
    system = root[:, None] * gram * root
    system[np.diag_indices_from(system)] += 1
    factor, _ = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
    half = solve_triangular(factor, np.diag(root), lower=True, check_finite=False)
    diagonal = (half * half).sum(axis=0)
    return np.asarray(offsets + f - alphas * (1 / diagonal - 1 / w))
