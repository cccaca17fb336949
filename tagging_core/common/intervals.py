"""Confidence intervals of proportions, their differences and means, and a two-sample permutation test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Default confidence level of an interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def clear_of_zero(self) -> bool:
        """Whether the interval excludes zero, that is, the difference is significant."""
        return self.low > 0 or self.high < 0


def wilson(successes: float, trials: float, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson score interval (Wilson 1927) of a proportion.

    Args:
        successes: Number of successes; may be fractional, since effective sample sizes are.
        trials: Number of trials, at least `successes`.
        z: Normal quantile; 1.96 gives a 95 % interval.

    Returns:
        Lower and upper bound, in [0, 1]; (0, 1) without trials.
    """
    if trials <= 0:
        return 0.0, 1.0
    share, correction = successes / trials, z * z / trials
    centre = (share + correction / 2) / (1 + correction)
    half = z * ((share * (1 - share) + correction / 4) / trials) ** 0.5 / (1 + correction)
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class ProportionEstimate:
    """Proportions of t tags in one period, with days as clusters.

    Pictures of one day resemble each other, so they are not independent draws. The design effect (Kish 1965, Survey
    Sampling, 8.2), estimated from the variance between days, reduces them to an effective sample size.

    Attributes:
        hits: `(t,)` number of pictures with each tag.
        trials: Number of pictures.
        effective: `(t,)` effective sample size, at most `trials`.
        days: Number of days with at least one picture.
    """

    hits: Floats
    trials: float
    effective: Floats
    days: int

    @property
    def share(self) -> Floats:
        """`(t,)` proportions in [0, 1]; zeros if there are no pictures."""
        return self.hits / max(self.trials, 1.0)

    def interval(self, index: int, level: float = LEVEL) -> Interval:
        """Return the proportion at `index` with its confidence interval."""
        effective, share = float(self.effective[index]), float(self.share[index])
        tail = 1 - (1 - level) / 2
        # Student's quantile, since the variance between days is itself estimated; one day has no such variance.
        z = float(stdtrit(self.days - 1, tail) if self.days > 1 else ndtri(tail))
        return Interval(share, *wilson(share * effective, effective, z))


def estimate_proportions(hits: Floats, squares: Floats, cross: Floats, *, trials: Floats) -> ProportionEstimate:
    """Estimate the proportions of a period from sums over its days.

    Let x be a day's number of pictures with a tag and n its number of pictures.

    Args:
        hits: `(t,)` sums of x.
        squares: `(t,)` sums of x * x.
        cross: `(t,)` sums of x * n.
        trials: `(days,)` n of each day.
    """
    trials = trials[trials > 0]
    total, days = float(trials.sum()), len(trials)
    effective = np.full(len(hits), total)
    if days >= 2:
        p = hits / total
        binomial = p * (1 - p) / total
        residual = np.maximum(0.0, squares - 2 * p * cross + p * p * float((trials**2).sum()))
        between = residual * days / (days - 1) / total**2
        effect = np.divide(between, binomial, out=np.ones_like(p), where=binomial > 0)
        effective = total / np.maximum(1.0, effect)
    return ProportionEstimate(np.asarray(hits, np.float64), total, effective, days)


def difference(
    before: ProportionEstimate, now: ProportionEstimate, index: int, *, level: float = LEVEL
) -> Interval:
    """Return the change of a proportion, in [-1, 1], with Newcombe's interval (1998, method 10).

    Args:
        index: Which of the t proportions.
        level: Confidence level in (0, 1).
    """
    one, two = before.interval(index, level), now.interval(index, level)
    change = two.value - one.value
    down = ((two.value - two.low) ** 2 + (one.high - one.value) ** 2) ** 0.5
    up = ((two.high - two.value) ** 2 + (one.value - one.low) ** 2) ** 0.5
    return Interval(change, max(-1.0, change - down), min(1.0, change + up))


def proportion_change(right: tuple[int, int], n: tuple[int, int]) -> Interval:
    """Return the difference of two groups' proportions (Newcombe 1998, method 10).

    Args:
        right: Number of successes in the first and in the second group.
        n: Size of each group; cases are assumed to be independent.
    """
    pairs = [
        ProportionEstimate(np.array([float(r)]), float(m), np.array([float(m)]), 1)
        for r, m in zip(right, n, strict=True)
    ]
    return difference(pairs[0], pairs[1], 0)


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean with its 95 % interval: `value` is None without values, the bounds are None with fewer than two."""

    n: int
    value: float | None
    low: float | None
    high: float | None


def estimate_mean(n: int, total: float, squares: float) -> MeanEstimate:
    """Estimate the mean of non-negative values, with Student's 95 % interval (lower bound at least 0).

    Args:
        n: Number of values.
        total: Sum of the values.
        squares: Sum of their squares.
    """
    if n < 1:
        return MeanEstimate(0, None, None, None)
    value = total / n
    if n < 2:
        return MeanEstimate(n, value, None, None)
    variance = max(0.0, (squares - total * total / n) / (n - 1))
    half = float(stdtrit(n - 1, 0.975)) * (variance / n) ** 0.5
    return MeanEstimate(n, value, max(0.0, value - half), value + half)


def mean_discrepancy(kernel: Floats, groups: NDArray[np.int64], now: NDArray[np.bool_], *, draws: int) -> float:
    """Return the p-value, in (0, 1], of a permutation test that two samples have the same distribution.

    The statistic is the squared maximum mean discrepancy (Gretton et al. 2012, JMLR 13). Groups are permuted as a
    whole, because pictures uploaded together resemble each other and are not independent.

    Args:
        kernel: `(n, n)` kernel matrix of all pictures of both samples.
        groups: `(n,)` group of each picture, such as its batch.
        now: `(n,)` True for pictures of the newer sample; constant within a group.
        draws: Number of permutations. The random seed is fixed, so the result is reproducible.
    """
    names, member = np.unique(groups, return_inverse=True)
    newer = np.zeros(len(names), bool)
    newer[member] = now
    random = np.random.default_rng(0)
    drawn = np.stack([newer, *(random.permutation(newer) for _ in range(draws))])[:, member]
    ones = drawn.sum(axis=1, keepdims=True)
    weights = np.where(drawn, 1.0 / np.maximum(ones, 1), -1.0 / np.maximum(len(now) - ones, 1))
    statistics = np.einsum("ij,ij->i", weights @ kernel, weights)
    return float((1 + (statistics[1:] >= statistics[0] - 1e-12).sum()) / (1 + draws))
