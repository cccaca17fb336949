"""Probability thresholds that guarantee a target precision with a given confidence.

Learn then test (Angelopoulos et al. 2021, arXiv 2110.01052) with fixed-sequence testing: candidates depend on
scores alone and are tested from the strictest down with the exact binomial bound of Clopper and Pearson 1934.
Testing stops at the first failure, so no correction for multiple tests is needed. There may be no valid threshold:
at 90 % confidence, a precision of 0.98 takes 114 decisions without an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from tagging_core.errors import TargetError
from tagging_core.learning.classifier import Floats

CONFIDENCE = 0.95
"""Confidence level of the precision guarantee."""

_GROWTH = 1.15  # growth of the number of accepted pairs from one candidate threshold to the next
_TAG_SLACK = 0.03  # tags whose shrunk precision is further below the target do not use the pooled threshold
_TAG_STRENGTH = 20.0  # pseudo-decisions by which a tag's precision is shrunk towards the pooled one


@dataclass(frozen=True, slots=True)
class Threshold:
    """The lowest probability at which suggestions can be accepted without review.

    Attributes:
        probability: Accept suggestions at or above it; None if the target precision cannot be guaranteed.
        accepted: Decided pairs at or above it.
        right: Number of those that are correct.
        reason: Why there is no threshold, as a sentence for users; empty if there is one.
    """

    probability: float | None
    accepted: int = 0
    right: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds for one target.

    Attributes:
        target: Precision in (0, 1).
        pooled: Used for tags that are not in `tags`.
        tags: By tag id, a tag's own threshold, or the reason why the pooled one must not be used.
    """

    target: float
    pooled: Threshold
    tags: dict[str, Threshold]

    def of(self, tag_id: str) -> Threshold:
        """Return the threshold that applies to a tag."""
        return self.tags.get(tag_id, self.pooled)


def precision_bound(right: int, wrong: int, confidence: float = CONFIDENCE) -> float:
    """Return the lower Clopper-Pearson bound of the precision, in [0, 1]."""
    return float(betaincinv(right, wrong + 1, 1 - confidence)) if right else 0.0


def decisions_needed(target: float, confidence: float = CONFIDENCE) -> int:
    """Return the number of decisions without an error needed to guarantee a precision in (0, 1)."""
    return ceil(log(1 - confidence) / log(target) - 1e-9)


def find_threshold(
    probabilities: Floats, labels: Floats, target: float, *, confidence: float = CONFIDENCE
) -> Threshold:
    """Find the lowest threshold that guarantees the target precision.

    Args:
        probabilities: `(m,)` held-out, of decided pairs drawn from the same population as those to be accepted.
        labels: `(m,)` 1 where the suggestion is correct.
        target: Precision in (0, 1).
        confidence: Of the guarantee, in (0, 1).

    Raises:
        TargetError: The target is not in (0, 1).
    """
    if not 0 < target < 1:
        raise TargetError(f"The target precision must lie between 0 and 1, such as 0.97; it cannot be {target}.")
    order = np.argsort(-probabilities, kind="stable")
    sorted_probabilities, right = probabilities[order], np.cumsum(labels[order])
    count = decisions_needed(target, confidence)
    best = Threshold(None, reason=_insufficient_history(len(order), target, confidence))
    while count <= len(order):
        # Ties are accepted together.
        last = int(np.searchsorted(-sorted_probabilities, -sorted_probabilities[count - 1], side="right"))
        hits = int(right[last - 1])
        if precision_bound(hits, last - hits, confidence) < target:
            if best.probability is None:
                return Threshold(
                    None, last, hits, f"{last - hits} of the {last} most probable suggestions were wrong."
                )
            break
        best = Threshold(float(sorted_probabilities[last - 1]), last, hits)
        count = max(last + 1, round(last * _GROWTH))
    return best


def find_thresholds(
    probabilities: Floats,
    labels: Floats,
    rows: NDArray[np.int64],
    *,
    tag_ids: Sequence[str],
    target: float,
    confidence: float = CONFIDENCE,
    stricter: Mapping[str, float] | None = None,
) -> Thresholds:
    """Find the pooled threshold, those of tags with enough decisions, and tags excluded from the pooled one.

    Args:
        probabilities: `(m,)` held-out, of decided pairs in any order.
        labels: `(m,)` 1 where the suggestion is correct.
        rows: `(m,)` index into `tag_ids`.
        tag_ids: The tags.
        target: Precision in (0, 1).
        confidence: Of each guarantee, in (0, 1).
        stricter: Higher targets by tag id; these tags never use the pooled threshold.

    Raises:
        TargetError: A target is not in (0, 1).
    """
    pooled = find_threshold(probabilities, labels, target, confidence=confidence)
    tags: dict[str, Threshold] = {}
    for row, tag_id in enumerate(tag_ids):
        mine = rows == row
        wanted = max(target, (stricter or {}).get(tag_id, 0.0))
        own = find_threshold(probabilities[mine], labels[mine], wanted, confidence=confidence)
        if own.probability is not None or wanted > target:
            tags[tag_id] = own
        elif pooled.probability is not None:
            taken = mine & (probabilities >= pooled.probability)
            hits, total = int(labels[taken].sum()), int(taken.sum())
            expected = (hits + _TAG_STRENGTH * pooled.right / pooled.accepted) / (total + _TAG_STRENGTH)
            if expected < target - _TAG_SLACK:
                tags[tag_id] = Threshold(
                    None, total, hits, f"{total - hits} of {total} suggestions above the threshold were wrong."
                )
    return Thresholds(target, pooled, tags)


def _insufficient_history(have: int, target: float, confidence: float) -> str:
    needed = decisions_needed(target, confidence)
    return f"Not enough history: {have} judged suggestions of at least {needed} needed for this precision."
