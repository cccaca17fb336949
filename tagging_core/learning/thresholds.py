"""Cut-offs with a promise: above this probability, at least so many of 100 suggestions are right.

Learn then test (Angelopoulos et al. 2021, arXiv 2110.01052) by fixed sequence: candidates are fixed by scores
alone, from the strictest down; each is tested with the exact binomial bound of Clopper and Pearson 1934; the walk
ends at the first that fails, so no correction for many tests is due. No cut-off at all is an answer: with 90 %
confidence, 98 of 100 needs 114 decisions without an error.
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
"""How sure a promised precision is: the promise fails in at most 5 of 100 histories."""

_NEXT = 1.15  # each candidate accepts so many times more pairs than the one before
_TAG_SLACK = 0.03  # a tag under the pooled cut-off may fall so far short of the target by its own decisions
_TAG_STRENGTH = 20.0  # decisions that the pooled precision weighs in a tag's own


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where accepting unseen is safe.

    Attributes:
        probability: Accept from here on; None where history does not allow it.
        accepted: Judged pairs from there on.
        right: How many of them are right.
        reason: Why there is no cut-off, for a person to read; empty if there is one.
    """

    probability: float | None
    accepted: int = 0
    right: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The cut-offs for one target.

    Attributes:
        target: Wanted precision, in (0, 1).
        pooled: For tags without one of their own.
        tags: By tag id: a tag's own cut-off, or why the pooled one may not be used for it.
    """

    target: float
    pooled: Threshold
    tags: dict[str, Threshold]

    def of(self, tag_id: str) -> Threshold:
        """The cut-off that holds for a tag."""
        return self.tags.get(tag_id, self.pooled)


def precision_bound(right: int, wrong: int, confidence: float = CONFIDENCE) -> float:
    """Lower bound of the precision behind so many right and wrong ones, in [0, 1] (Clopper and Pearson)."""
    return float(betaincinv(right, wrong + 1, 1 - confidence)) if right else 0.0


def decisions_needed(target: float, confidence: float = CONFIDENCE) -> int:
    """How many decisions without an error it takes to promise a precision in (0, 1)."""
    return ceil(log(1 - confidence) / log(target) - 1e-9)


def find_threshold(
    probabilities: Floats, labels: Floats, target: float, confidence: float = CONFIDENCE
) -> Threshold:
    """The lowest cut-off that can be promised.

    Args:
        probabilities: `(m,)` of judged pairs; the sample must be one of the pairs that will be accepted.
        labels: `(m,)` 1 where the suggestion is right.
        target: Wanted precision, in (0, 1).
        confidence: Of the promise.

    Raises:
        TargetError: The target is not in (0, 1).
    """
    if not 0 < target < 1:
        raise TargetError(
            f"The wanted share of right ones lies between 0 and 1, such as 0.97; it cannot be {target}."
        )
    order = np.argsort(-probabilities, kind="stable")
    sorted_probabilities, right = probabilities[order], np.cumsum(labels[order])
    count, best = (
        decisions_needed(target, confidence),
        Threshold(None, reason=_too_few(len(order), target, confidence)),
    )
    while count <= len(order):
        # Equal probabilities are accepted together.
        last = int(np.searchsorted(-sorted_probabilities, -sorted_probabilities[count - 1], side="right"))
        good = int(right[last - 1])
        if precision_bound(good, last - good, confidence) < target:
            if best.probability is None:
                return Threshold(
                    None, last, good, f"Of the {last} likeliest judged pairs {last - good} were wrong."
                )
            break
        best = Threshold(float(sorted_probabilities[last - 1]), last, good)
        count = max(last + 1, round(last * _NEXT))
    return best


def find_thresholds(
    probabilities: Floats,
    labels: Floats,
    rows: NDArray[np.int64],
    tag_ids: Sequence[str],
    target: float,
    confidence: float = CONFIDENCE,
    stricter: Mapping[str, float] | None = None,
) -> Thresholds:
    """The pooled cut-off, and those of tags that earn their own or must be left out.

    Args:
        probabilities: `(m,)` of judged pairs, those of one picture adjacent or not.
        labels: `(m,)` 1 where the suggestion is right.
        rows: `(m,)` position in `tag_ids`.
        tag_ids: The tags.
        target: Wanted precision, in (0, 1).
        confidence: Of each promise.
        stricter: Wanted precision by tag where that is more; only such a tag's own decisions can promise it.
    """
    pooled = find_threshold(probabilities, labels, target, confidence)
    tags: dict[str, Threshold] = {}
    for row, tag_id in enumerate(tag_ids):
        mine = rows == row
        wanted = max(target, (stricter or {}).get(tag_id, 0.0))
        own = find_threshold(probabilities[mine], labels[mine], wanted, confidence)
        if own.probability is not None or wanted > target:
            tags[tag_id] = own
        elif pooled.probability is not None:
            taken = mine & (probabilities >= pooled.probability)
            good, total = int(labels[taken].sum()), int(taken.sum())
            expected = (good + _TAG_STRENGTH * pooled.right / pooled.accepted) / (total + _TAG_STRENGTH)
            if expected < target - _TAG_SLACK:
                tags[tag_id] = Threshold(
                    None, total, good, f"Of {total} that would have been accepted, {total - good} were wrong."
                )
    return Thresholds(target, pooled, tags)


def _too_few(have: int, target: float, confidence: float) -> str:
    needed = decisions_needed(target, confidence)
    return f"Not enough history: {have} judged suggestions of at least {needed} that such a promise takes."
