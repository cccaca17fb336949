"""Ways to learn from decisions, behind one seam: `fit(examples, labels, weights, anchor)` gives a scorer.

Ours is the library's own code; the others are written from their papers, with the constants these name or, where
they are tuned on a validation set, a rule that needs none, since no user has one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tagging_core.embeddings.encoders import LearnerDefaults, Vectors, unit
from tagging_core.learning.calibration import (
    Calibration,
    CalibrationData,
    among_rivals,
    fit_calibration,
    none_logit,
)
from tagging_core.learning.classifier import Examples, Fit, ReferencePack, fit_tag, kernel, sigmoid, text_anchor

Scores = NDArray[np.float64]
Scorer = Callable[[Vectors], Scores]


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is known before any decision.

    Attributes:
        texts: `(t, d)` centred unit text vectors, as from `TagTexts`.
        plain_texts: `(t, d)` text vectors as they come from the encoder.
        exclusive: Whether the tags exclude each other.
    """

    texts: Vectors
    plain_texts: Vectors
    pack: ReferencePack
    defaults: LearnerDefaults
    exclusive: bool

    def logits(self, pictures: Vectors) -> Scores:
        """Zero-shot logits `(n, t)`."""
        centred = self.pack.centre(pictures)
        return np.stack([text_anchor(t, self.pack, self.defaults).logits(centred) for t in self.texts], axis=1)

    def cosines(self, pictures: Vectors) -> Scores:
        """Plain cosines `(n, t)`."""
        return np.asarray(pictures @ self.plain_texts.T, np.float64)


Method = Callable[[Vectors, Scores, Scores, Anchor], Scorer]
"""Examples `(k, d)`, labels and weights `(k, t)`, anchor; gives a function from pictures `(n, d)` to `(n, t)`."""


def tagloop(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """The product: text anchor, MAP logistic residual, rivals, calibration; scores are calibrated logits."""
    return _ours(examples, labels, weights, anchor, calibrate=True)


def uncalibrated(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Ours without calibration."""
    return _ours(examples, labels, weights, anchor, calibrate=False)


def without_rivals(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Ours with every tag for itself."""
    return tagloop(examples, labels, weights, replace(anchor, exclusive=False))


def without_metric(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Ours with all dimensions alike in the kernel."""
    return tagloop(examples, labels, weights, replace(anchor, defaults=replace(anchor.defaults, metric=())))


def without_text(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Ours with texts that say nothing."""
    return tagloop(examples, labels, weights, replace(anchor, texts=np.zeros_like(anchor.texts)))


def design_prototype(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """The plain form that work began with: `w ~ N(s text, 1 / lambda)` on vectors as they come from the encoder.

    Its variance is the best of a grid (2 to 64) for the clothing photos, so that it is not made weaker than it is.
    """
    plain = replace(anchor.defaults, metric=(), residual_variance=16.0, slope=1.1, prior=0.035)
    anchor = replace(anchor, texts=anchor.plain_texts)
    pack = replace(anchor.pack, mean=np.zeros_like(anchor.pack.mean))
    return _ours(
        examples, labels, weights, replace(anchor, defaults=plain, pack=pack, exclusive=False), calibrate=False
    )


def running_average(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """What people usually start with: `new = (old + picture) / 2` for every accepted picture, in order."""
    means = anchor.plain_texts.copy()
    for row, vector in enumerate(examples):
        for column in np.flatnonzero(labels[row]):
            means[column] = unit((means[column] + vector) / 2)
    return lambda pictures: np.asarray(pictures @ means.T, np.float64)


def shrunk_prototype(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Text plus sum of centred examples, as a cosine (Snell et al. 2017, arXiv 1703.05175, shrunk to the text)."""
    means = unit(anchor.plain_texts + labels.T.astype(np.float32) @ anchor.pack.centre(examples))
    return lambda pictures: np.asarray(anchor.pack.centre(pictures) @ means.T, np.float64)


def tip_adapter(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Zhang et al. 2022, arXiv 2111.03930, training-free, with the constants of its text: alpha 1, beta 5.5."""

    def score(pictures: Vectors) -> Scores:
        near = np.exp(-5.5 * (1 - pictures @ examples.T)).astype(np.float64)
        return 100 * anchor.cosines(pictures) / 10 + near @ labels

    return score


def gda(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Gaussian discriminant analysis with the text as prior (Wang et al. 2024, arXiv 2402.04087).

    Its mixing weight, tuned there on a validation set, follows the median of its published choices by shots.
    """
    counts = labels.sum(axis=0)
    known = np.flatnonzero(counts)
    if not len(known):
        return anchor.cosines
    means = (labels[:, known].T @ examples) / counts[known, None]
    rows, columns = np.nonzero(labels[:, known])
    away = examples[rows] - means[columns]
    d, n = examples.shape[1], max(len(away) - 1, 1)
    scatter = away.T @ away + np.trace(away.T @ away) / n * np.eye(d)
    inverse = (
        d * np.linalg.pinv(scatter, hermitian=True) if n < 2 else d * np.linalg.inv(scatter + 1e-6 * np.eye(d))
    )
    weight = means @ inverse
    bias = np.log(counts[known] / counts.sum()) - 0.5 * (weight * means).sum(axis=1)
    alpha = float(np.interp(np.log2(counts[known].mean()), [0, 1, 2, 3, 4], [0.001, 0.03, 0.3, 1, 3]))

    def score(pictures: Vectors) -> Scores:
        found = 100 * anchor.cosines(pictures)
        found[:, known] += alpha * (pictures @ weight.T + bias)
        return found

    return score


def proker(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Kernel-ridge residual on the text's score, tag against rest (Bendou et al. 2025, arXiv 2501.11175)."""
    if not len(examples):
        return anchor.logits
    centred = anchor.pack.centre(examples).astype(np.float64)
    offsets = 0.5 * (anchor.logits(examples) + 2)
    alphas = np.linalg.solve(centred @ centred.T + 0.3 * np.eye(len(centred)), 2 * labels - 1 - offsets)

    def score(pictures: Vectors) -> Scores:
        x = anchor.pack.centre(pictures)
        return 0.5 * (anchor.logits(pictures) + 2) + (x @ centred.T) @ alphas

    return score


def logistic_regression(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Plain logistic regression, one tag against the rest; no text."""
    models = [
        LogisticRegression(C=10, max_iter=500).fit(examples, y) if 0 < y.sum() < len(y) else None for y in labels.T
    ]
    return lambda pictures: np.stack(
        [np.zeros(len(pictures)) if m is None else m.decision_function(pictures) for m in models], axis=1
    )


def four_layers(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> Scorer:
    """Text, prototype and residual, each switched in as far as pooled left-out log-loss improves."""
    if not labels.any():
        return tagloop(examples, labels, weights, anchor)
    x = anchor.pack.centre(examples)
    text, counts = anchor.logits(examples), labels.sum(axis=0)
    sums = anchor.plain_texts + labels.T.astype(np.float32) @ x
    scale = anchor.defaults.slope / 0.11
    start = float(np.log(anchor.defaults.prior / (1 - anchor.defaults.prior)))

    def blend(z: Scores, q: Scores, share: float, n: Scores) -> Scores:
        part = share * n / (n + 1)
        return (1 - part) * z + part * (scale * q + start)

    # A positive is judged by the prototype without itself.
    without = unit(sums[None] - labels[:, :, None].astype(np.float32) * x[:, None])
    q = np.einsum("kd,ktd->kt", x, without)
    losses = {g: _loss(blend(text, q, g, counts - labels), labels, weights) for g in np.linspace(0, 1, 6)}
    share = min(losses, key=lambda g: float(losses[g].mean()))
    gain = losses[0.0] - losses[share]
    if gain.mean() <= 0.5 * gain.std() / np.sqrt(gain.size):
        share = 0.0
    offsets = blend(text, q, share, counts - labels)
    fits = [_residual(x, labels[:, t], weights[:, t], offsets[:, t], anchor) for t in range(len(counts))]
    rest = np.stack([left_out for _, left_out in fits], axis=1)
    strengths = {
        h: float(_loss(offsets + h * (rest - offsets), labels, weights).mean()) for h in np.linspace(0, 1, 6)
    }
    strength = min(strengths, key=strengths.__getitem__)

    def score(pictures: Vectors) -> Scores:
        c = anchor.pack.centre(pictures)
        found = blend(anchor.logits(pictures), np.asarray(c @ unit(sums).T, np.float64), share, counts)
        added = kernel(c, x, anchor.defaults) @ np.stack([alphas for alphas, _ in fits], axis=1)
        return against_rivals(found + strength * added, anchor)

    return score


METHODS: dict[str, Method] = {
    "tagloop": tagloop,
    "design prototype": design_prototype,
    "running average": running_average,
    "shrunk prototype": shrunk_prototype,
    "Tip-Adapter": tip_adapter,
    "GDA": gda,
    "ProKeR": proker,
    "logistic regression": logistic_regression,
    "four layers": four_layers,
    "ours, no calibration": uncalibrated,
    "ours, no rivals": without_rivals,
    "ours, no metric": without_metric,
    "ours, no text": without_text,
}


def _ours(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor, calibrate: bool) -> Scorer:
    fits = fit_all(examples, labels, weights, anchor)
    calibration = calibrate_fits(fits, labels, anchor) if calibrate and len(examples) else Calibration()
    names = [str(t) for t in range(labels.shape[1])]
    slopes, shifts = calibration.of(names, ["all"] * len(names))

    def score(pictures: Vectors) -> Scores:
        centred = anchor.pack.centre(pictures)
        return against_rivals(np.stack([f.model.logits(centred) for f in fits], axis=1), anchor) * slopes + shifts

    return score


def fit_all(examples: Vectors, labels: Scores, weights: Scores, anchor: Anchor) -> list[Fit]:
    """The library's own fit of every tag."""
    centred = anchor.pack.centre(examples)
    return [
        fit_tag(text, Examples(centred, labels[:, t], weights[:, t]), anchor.pack, defaults=anchor.defaults)
        for t, text in enumerate(anchor.texts)
    ]


def calibrate_fits(fits: list[Fit], labels: Scores, anchor: Anchor) -> Calibration:
    """The library's own calibration, of one category."""
    left_out = against_rivals(np.stack([f.held_out for f in fits], axis=1), anchor)
    names = [str(t) for t in range(len(fits))]
    size = len(left_out)
    return fit_calibration(
        CalibrationData(
            logits=left_out.T.ravel(),
            labels=labels.T.ravel(),
            weights=np.ones(left_out.size),
            rows=np.repeat(np.arange(len(fits)), size),
            tag_ids=names,
            category_ids=["all"] * len(names),
        )
    )


def against_rivals(logits: Scores, anchor: Anchor) -> Scores:
    """Logits `(n, t)` with rivals taken into account, where the tags exclude each other."""
    if not anchor.exclusive or not len(logits):
        return logits
    constants = anchor.defaults
    return among_rivals(logits, none_logit(logits.shape[1], constants.prior, constants.presence))


def _loss(logits: Scores, labels: Scores, weights: Scores) -> Scores:
    return np.asarray(weights * np.logaddexp(0, -(2 * labels - 1) * logits))


def _residual(x: Vectors, y: Scores, w: Scores, offsets: Scores, anchor: Anchor) -> tuple[Scores, Scores]:
    """Dual coefficients and left-out logits of a logistic regression around given logits, by damped steps."""
    gram = kernel(x, x, anchor.defaults)
    alphas = np.zeros(len(y))
    for _ in range(25):
        p = sigmoid(offsets + gram @ alphas)
        curvature = np.maximum(w * p * (1 - p), 1e-6)
        target = gram @ alphas + w * (y - p) / curvature
        alphas = 0.5 * alphas + 0.5 * np.linalg.solve(gram + np.diag(1 / curvature), target)
    inverse = np.linalg.inv(gram + np.diag(1 / curvature))
    f = gram @ alphas
    return alphas, offsets + f - alphas * (1 / np.diag(inverse) - 1 / curvature)
