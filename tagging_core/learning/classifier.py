"""What decisions teach: one linear classifier a tag on frozen, centred picture vectors.

A tag's logit for the picture's centred unit vector x is `anchor(x) + sum_i alpha_i k(x_i, x)`: the text's own
answer, and a maximum a posteriori logistic regression on what it does not explain, in its dual form. Every part is
a function of the set of decisions, so order does not matter and undo is a refit; the alphas say exactly how much
each decided picture speaks for or against; what a picture would get without its own decision comes for free.

Sources: Rasmussen and Williams 2006, algorithm 3.1 (Newton steps in the dual) and section 5.4.2 (leave-one-out);
`benchmarks.learning` compares it with the alternatives, docs/learning.md has the formulas and figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from tagging_core.embeddings.encoders import LearnerDefaults, Vectors, unit

Floats = NDArray[np.float64]

_BIAS_VARIANCE = 0.1
_WIDE_PERCENTILE = 90
"""Tags that the model tells apart well set the scale; a mean over all, the many it does not among them, made every
one of these look certain (log-loss of the garment tags .34 against .27, on the clothing photos)."""
_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class ReferencePack:
    """What is estimated from unlabelled pictures, frozen and versioned.

    Attributes:
        version: Counts up from 0, the values shipped with the encoder.
        mean: `(d,)` mean picture vector of the gallery.
        spread: Mean length of a picture vector after the mean is taken away, in (0, 1].
        text_scale: Standard deviation over pictures of the cosine with a tag's text, for a tag whose is wide.
    """

    version: int
    mean: Vectors
    spread: float
    text_scale: float

    def centre(self, vectors: Vectors) -> Vectors:
        """Take the gallery's mean away and scale to length 1; `(n, d)` or `(d,)`."""
        return unit(vectors - self.mean)


@dataclass(frozen=True, slots=True)
class Examples:
    """Decided pictures of one tag.

    Attributes:
        vectors: `(n, d)` centred unit vectors.
        labels: `(n,)` 1 where the tag applies, 0 where it does not.
        weights: `(n,)` in (0, 1]; 1 is a person's explicit word.
    """

    vectors: Vectors
    labels: Floats
    weights: Floats

    @property
    def positives(self) -> int:
        """How many pictures have the tag."""
        return int(self.labels.sum())


@dataclass(frozen=True, slots=True)
class TagModel:
    """A tag's classifier: the logit of a centred picture x is `weights.x + bias`."""

    weights: Vectors
    bias: float

    def logits(self, centred: Vectors) -> Floats:
        """Logits `(n,)` of centred pictures `(n, d)`."""
        return np.asarray(centred @ self.weights, np.float64) + self.bias


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted tag.

    Attributes:
        model: The classifier.
        anchor: The classifier before any decision.
        alphas: `(n,)` dual coefficients: example i adds `alphas[i] * kernel(x_i, x)` to the logit of a picture x.
        left_out: `(n,)` logit of each example had it not been decided.
    """

    model: TagModel
    anchor: TagModel
    alphas: Floats
    held_out: Floats


def initial_pack(mean: Vectors, defaults: LearnerDefaults) -> ReferencePack:
    """The pack of an encoder before any picture was seen."""
    spread = float(np.sqrt(max(1e-3, 1 - float(mean @ mean))))
    return ReferencePack(0, mean, spread, defaults.text_scale)


def measure_pack(gallery: Vectors, texts: Vectors, previous: ReferencePack) -> ReferencePack:
    """Measure a pack on a sample of pictures.

    Args:
        gallery: `(n, d)` picture vectors, n at least 2.
        texts: `(t, d)` the tags' text vectors.
        previous: The pack in force; its version is counted up.
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


def fit_tag(text: Vectors, examples: Examples, pack: ReferencePack, defaults: LearnerDefaults) -> Fit:
    """Fit one tag.

    Args:
        text: `(d,)` unit vector of the tag's prompts.
        examples: Its decided pictures; none gives the zero-shot classifier.
        pack: The reference pack in force.
        defaults: The encoder's constants.
    """
    anchor = text_anchor(text, pack, defaults)
    if not len(examples.labels):
        return Fit(anchor, anchor, np.zeros(0), np.zeros(0))
    offsets = anchor.logits(examples.vectors)
    gram = kernel(examples.vectors, examples.vectors, defaults)
    alphas = _map_logistic(gram, examples, offsets)
    pull = _metric(defaults, examples.vectors.shape[1]) * (alphas.astype(np.float32) @ examples.vectors)
    model = TagModel(
        np.asarray(anchor.weights + defaults.residual_variance * pull, np.float32),
        anchor.bias + _BIAS_VARIANCE * float(alphas.sum()),
    )
    return Fit(model, anchor, alphas, _left_out(gram, examples, offsets, alphas))


def text_anchor(text: Vectors, pack: ReferencePack, defaults: LearnerDefaults) -> TagModel:
    """The zero-shot classifier: cosine in units of its spread, at the prior's logit.

    A tag whose text lies near all pictures would be suggested everywhere, so its mean similarity goes; part of
    it (`hub`) stays, since what lies near all pictures is also, on average, more often there.
    """
    gain = defaults.slope / pack.text_scale
    common = float(pack.mean @ text) / pack.spread
    return TagModel(np.asarray(gain * text, np.float32), logit(defaults.prior) + defaults.hub * gain * common)


def kernel(left: Vectors, right: Vectors, defaults: LearnerDefaults) -> Floats:
    """How much a decision on one centred picture says about another, `(n, m)`, in logits a unit of alpha."""
    scaled = left * _metric(defaults, left.shape[1])
    return defaults.residual_variance * (scaled @ right.T).astype(np.float64) + _BIAS_VARIANCE


def sigmoid(logits: NDArray) -> NDArray:
    """The logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def logit(probability: float) -> float:
    """The inverse of `sigmoid`, for a probability in (0, 1)."""
    return float(np.log(probability / (1 - probability)))


def _metric(defaults: LearnerDefaults, dimension: int) -> Vectors:
    """Weight `(d,)` of each dimension in the kernel: what tells pictures apart is not all that texts reach."""
    if not defaults.metric:
        return np.ones(dimension, np.float32)
    lengths, gains = zip(*defaults.metric, strict=True)
    return np.repeat(np.asarray(gains, np.float32), [int(n) for n in lengths])


def _map_logistic(gram: Floats, examples: Examples, offsets: Floats) -> Floats:
    """Dual coefficients `(n,)` that maximise the posterior of a logistic regression around given logits.

    Newton's method, where the cost depends on the number of examples and not on d; steps are halved until the
    objective falls, without which it can diverge.
    """
    y, omega = examples.labels, examples.weights
    signs = 2 * y - 1
    alpha = np.zeros(len(y))

    def loss(a: Floats, f: Floats) -> float:
        return float(omega @ np.logaddexp(0, -signs * (offsets + f)) + 0.5 * a @ f)

    f = gram @ alpha
    now = loss(alpha, f)
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
        while (then := loss(alpha + size * step, f + size * along)) > now and size > 1e-4:
            size /= 2
        if then > now:
            break
        alpha, f = alpha + size * step, f + size * along
        if now - then < 1e-7:
            break
        now = then
    return alpha


def _left_out(gram: Floats, examples: Examples, offsets: Floats, alphas: Floats) -> Floats:
    """Logits `(n,)` of the examples, each without its own decision: one Newton step from the full fit.

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
    return offsets + f - alphas * (1 / diagonal - 1 / w)
