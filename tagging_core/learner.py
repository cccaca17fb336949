"""What decisions teach: one linear classifier a tag on frozen, centred picture vectors.

A tag's logit is `z = w.x + b` for the picture's centred unit vector x. Its starting point is the text; examples
pull it towards their prototype; a maximum a posteriori logistic regression adds what neither explains. Each step
is a function of the set of decisions, so order does not matter and undo is a refit.

Sources: Snell et al. 2017 (prototypes, arXiv 1703.05175); Rasmussen and Williams 2006, algorithm 3.1 (Newton
steps in the dual). Constants belong to the encoder (presets.toml); `benchmarks.learning` measures the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagging_core.encoders import LearnerDefaults, Vectors, unit

IMPLICIT_WEIGHT = 0.7
"""Weight of a negative that nobody stated: the tag was left out of a finished review."""

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
        prototype_scale: The same for two centred pictures.
    """

    version: int
    mean: Vectors
    spread: float
    text_scale: float
    prototype_scale: float

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
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def positives(self) -> int:
        """How many pictures have the tag."""
        return int(self.labels.sum())


@dataclass(frozen=True, slots=True)
class TagModel:
    """A tag's classifier: the probability of a centred picture x is `sigmoid(weights.x + bias)`."""

    weights: Vectors
    bias: float


def initial_pack(mean: Vectors, defaults: LearnerDefaults) -> ReferencePack:
    """The pack of an encoder before any picture was seen."""
    spread = float(np.sqrt(max(1e-3, 1 - float(mean @ mean))))
    return ReferencePack(0, mean, spread, defaults.text_scale, defaults.prototype_scale)


def measure_pack(gallery: Vectors, texts: Vectors, previous: ReferencePack) -> ReferencePack:
    """Measure a pack on a sample of pictures.

    Args:
        gallery: `(n, d)` picture vectors, n at least 2.
        texts: `(t, d)` the tags' text vectors.
        previous: The pack in force; its version is counted up.
    """
    mean = gallery.mean(axis=0)
    away = gallery - mean
    centred = unit(away)
    similar = centred @ centred.T
    text = centred @ texts.T
    return ReferencePack(
        version=previous.version + 1,
        mean=mean,
        spread=float(np.linalg.norm(away, axis=1).mean()),
        text_scale=float(max(1e-3, np.percentile(text.std(axis=0), _WIDE_PERCENTILE))),
        prototype_scale=float(max(1e-3, similar[~np.eye(len(similar), dtype=bool)].std())),
    )


def fit_tag(text: Vectors, examples: Examples, pack: ReferencePack, defaults: LearnerDefaults) -> TagModel:
    """Fit one tag.

    Args:
        text: `(d,)` unit vector of the tag's prompts.
        examples: Its decided pictures; none gives the zero-shot classifier.
        pack: The reference pack in force.
        defaults: The encoder's constants.
    """
    prior = TagModel(*text_anchor(text, pack, defaults))
    if examples.positives:
        prior = _with_prototype(prior, text, examples, pack, defaults)
    if not len(examples.labels):
        return prior
    offsets = _left_out_logits(prior, text, examples, pack, defaults)
    residual, shift = _map_logistic(examples, offsets, defaults.residual_variance)
    return TagModel(np.asarray(prior.weights + residual, np.float32), prior.bias + shift)


def text_anchor(text: Vectors, pack: ReferencePack, defaults: LearnerDefaults) -> tuple[Vectors, float]:
    """The zero-shot weights `(d,)` and bias: cosine in units of its spread, at the prior's logit.

    A tag whose text lies near all pictures would be suggested everywhere, so its mean similarity goes; part of
    it (`hub`) stays, since what lies near all pictures is also, on average, more often there.
    """
    gain = defaults.slope / pack.text_scale
    common = float(pack.mean @ text) / pack.spread
    return np.asarray(gain * text, np.float32), _logit(defaults.prior) + defaults.hub * gain * common


def sigmoid(logits: NDArray) -> NDArray:
    """The logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def _with_prototype(
    prior: TagModel, text: Vectors, examples: Examples, pack: ReferencePack, defaults: LearnerDefaults
) -> TagModel:
    share = _share(examples.positives, defaults)
    mean = unit(_examples_sum(text, examples))
    weights = (1 - share) * prior.weights + share * defaults.slope / pack.prototype_scale * mean
    start = _logit(defaults.prior)
    return TagModel(np.asarray(weights, np.float32), start + (1 - share) * (prior.bias - start))


def _examples_sum(text: Vectors, examples: Examples) -> Vectors:
    return np.asarray(text + examples.vectors[examples.labels > 0].sum(axis=0))


def _share(positives: int, defaults: LearnerDefaults) -> float:
    return defaults.prototype_share * positives / (positives + 1)


def _left_out_logits(
    prior: TagModel, text: Vectors, examples: Examples, pack: ReferencePack, defaults: LearnerDefaults
) -> NDArray[np.float64]:
    """Logits `(n,)` under the prior; a positive is judged by a prototype without itself (exact leave-one-out).

    Else every example would look already explained, by itself, and the regression would learn nothing from it.
    """
    logits = np.asarray(examples.vectors @ prior.weights, dtype=np.float64) + prior.bias
    mine = examples.labels > 0
    if not mine.any():
        return logits
    total = _examples_sum(text, examples)
    along = examples.vectors[mine] @ total
    rest = np.maximum(float(total @ total) - 2 * along + 1, 1e-9)
    share, gain = _share(examples.positives - 1, defaults), defaults.slope / pack.prototype_scale
    plain, plain_bias = text_anchor(text, pack, defaults)
    start = _logit(defaults.prior)
    logits[mine] = (
        (1 - share) * (examples.vectors[mine] @ plain + plain_bias - start)
        + share * gain * (along - 1) / np.sqrt(rest)
        + start
    )
    return logits


def _map_logistic(examples: Examples, offsets: NDArray[np.float64], variance: float) -> tuple[Vectors, float]:
    """Weights `(d,)` and bias that maximise the posterior of a logistic regression around given logits.

    Newton's method in the dual, where the cost depends on the number of examples and not on d; steps are halved
    until the objective falls, without which it can diverge.
    """
    x, y, omega = examples.vectors, examples.labels, examples.weights
    kernel = variance * (x @ x.T).astype(np.float64) + _BIAS_VARIANCE
    signs = 2 * y - 1
    alpha = np.zeros(len(y))

    def loss(a: NDArray[np.float64]) -> float:
        f = kernel @ a
        return float(omega @ np.logaddexp(0, -signs * (offsets + f)) + 0.5 * a @ f)

    now = loss(alpha)
    for _ in range(_NEWTON_STEPS):
        f = kernel @ alpha
        p = sigmoid(offsets + f)
        w = np.maximum(omega * p * (1 - p), 1e-10)
        root = np.sqrt(w)
        right = w * f + omega * (y - p)
        system = np.eye(len(y)) + root[:, None] * kernel * root
        step = right - root * np.linalg.solve(system, root * (kernel @ right)) - alpha
        size = 1.0
        while (then := loss(alpha + size * step)) > now and size > 1e-4:
            size /= 2
        if then > now:
            break
        alpha += size * step
        if now - then < 1e-7:
            break
        now = then
    return variance * (alpha.astype(np.float32) @ x), float(_BIAS_VARIANCE * alpha.sum())
