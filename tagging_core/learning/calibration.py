"""Calibration: softmax within exclusive categories, then hierarchical Platt scaling by library, category and tag.

Sources: Platt 1999 (sigmoid calibration); Gelman and Hill 2007, chapters 12 to 14 (partial pooling: a tag with few
decisions borrows from its category, a category from the library). Slopes are exponentials, hence positive:
calibration preserves each tag's ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagging_core.learning.classifier import Floats, logit, sigmoid

_LEVELS = ((0.3, 1.0), (0.1, 0.3), (0.15, 0.6))
"""Prior standard deviations of log-slope and shift around the parent level, for library, category and tag."""

_SWEEPS = 100
_LONGEST_STEP = 0.5
_SMALL = 1e-5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log-slope and shift of the library, plus offsets by category and tag; zeros are the identity."""

    library: tuple[float, float] = (0.0, 0.0)
    categories: dict[str, tuple[float, float]] = field(default_factory=dict)
    tags: dict[str, tuple[float, float]] = field(default_factory=dict)

    def of(self, tag_ids: Sequence[str], category_ids: Sequence[str]) -> tuple[Floats, Floats]:
        """Return positive slopes `(t,)` and shifts `(t,)` of tags, given each tag's category."""
        none = (0.0, 0.0)
        added = np.array(
            [
                (self.library, self.categories.get(c, none), self.tags.get(t, none))
                for t, c in zip(tag_ids, category_ids, strict=True)
            ],
            dtype=np.float64,
        ).reshape(-1, 3, 2)
        total = added.sum(axis=1)
        return np.exp(total[:, 0]), total[:, 1]


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Labelled tag-asset pairs with leave-one-out logits.

    Attributes:
        logits: `(m,)` leave-one-out logits, after the softmax in exclusive categories.
        labels: `(m,)` 1 or 0.
        weights: `(m,)` sampling weights, positive.
        rows: `(m,)` index into `tag_ids`.
        tag_ids: `(t,)`.
        category_ids: `(t,)` category of each tag.
    """

    logits: Floats
    labels: Floats
    weights: Floats
    rows: NDArray[np.int64]
    tag_ids: list[str]
    category_ids: list[str]


def read_calibration(parameters: dict[str, Any]) -> Calibration:
    """Build a calibration from the stored dictionary of its fields."""
    return Calibration(
        tuple(parameters["library"]),
        {key: tuple(pair) for key, pair in parameters["categories"].items()},
        {key: tuple(pair) for key, pair in parameters["tags"].items()},
    )


def none_logit(tags: int, prior: float, presence: float) -> float:
    """Return the logit of "none of them" in an exclusive category.

    At prior logits, one of the tags then applies with probability `presence`.
    """
    return float(np.log(max(tags, 1)) + logit(prior) - logit(presence))


def among_rivals(logits: Floats, nothing: float) -> Floats:
    """Return log-odds `(n, t)` under a softmax over an exclusive category's tags and "none of them"."""
    top = np.maximum(logits.max(axis=1, keepdims=True), nothing)
    odds = np.exp(logits - top)
    others = odds.sum(axis=1, keepdims=True) - odds + np.exp(nothing - top)
    return np.asarray(logits - top - np.log(np.maximum(others, 1e-30)))


def fit_calibration(judged: CalibrationData) -> Calibration:
    """Fit the maximum a posteriori calibration by block coordinate descent over the levels."""
    if not len(judged.labels):
        return Calibration()
    categories = sorted(set(judged.category_ids))
    position = {category: n for n, category in enumerate(categories)}
    of_tag = np.array([position[c] for c in judged.category_ids])
    groups = [np.zeros(len(judged.rows), np.int64), of_tag[judged.rows], judged.rows]
    values = [np.zeros((size, 2)) for size in (1, len(categories), len(judged.tag_ids))]
    for _ in range(_SWEEPS):
        moved = max(_improve(judged, groups, values, level=level) for level in range(len(_LEVELS)))
        if moved < _SMALL:
            break
    known = np.bincount(judged.rows, minlength=len(judged.tag_ids)) > 0
    return Calibration(
        _pair(values[0][0]),
        {category: _pair(value) for category, value in zip(categories, values[1], strict=True)},
        {t: _pair(v) for t, v, has in zip(judged.tag_ids, values[2], known, strict=True) if has},
    )


def _improve(
    judged: CalibrationData, groups: list[NDArray[np.int64]], values: list[Floats], *, level: int
) -> float:
    """Take one Newton step for all groups of a level; return the largest change."""
    total = np.sum([value[group] for group, value in zip(groups, values, strict=True)], axis=0)
    along = np.exp(total[:, 0]) * judged.logits
    p = sigmoid(along + total[:, 1])
    gradient = judged.weights * (p - judged.labels)
    curvature = np.maximum(judged.weights * p * (1 - p), 1e-9)
    group, mine, (slope_sd, shift_sd) = groups[level], values[level], _LEVELS[level]

    def summed(x: Floats) -> Floats:
        return np.bincount(group, x, len(mine)).astype(np.float64)

    by_slope = summed(gradient * along) + mine[:, 0] / slope_sd**2
    by_shift = summed(gradient) + mine[:, 1] / shift_sd**2
    slope_slope = summed(curvature * along * along) + slope_sd**-2
    slope_shift = summed(curvature * along)
    shift_shift = summed(curvature) + shift_sd**-2
    determinant = slope_slope * shift_shift - slope_shift**2
    step = np.stack(
        [shift_shift * by_slope - slope_shift * by_shift, slope_slope * by_shift - slope_shift * by_slope]
    )
    step = np.clip(step.T / determinant[:, None], -_LONGEST_STEP, _LONGEST_STEP)
    mine -= step
    return float(np.abs(step).max())


def calibration_error(probabilities: Floats, labels: Floats, bins: int = 15) -> float:
    """Return the expected calibration error over equal-count bins, in [0, 1] (Nguyen and O'Connor 2015)."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(probabilities[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / max(len(order), 1))


def unavoidable_error(probabilities: Floats, bins: int = 15, draws: int = 200) -> float:
    """Return the expected calibration error of perfectly calibrated probabilities, due to sampling alone."""
    random = np.random.default_rng(0)
    errors = [
        calibration_error(probabilities, (random.random(len(probabilities)) < probabilities).astype(float), bins)
        for _ in range(draws)
    ]
    return float(np.mean(errors))


def _pair(value: Floats) -> tuple[float, float]:
    return float(value[0]), float(value[1])
