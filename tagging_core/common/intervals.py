"""Intervals and tests behind the figures: shares, their differences, means, and what chance alone would show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Confidence of an interval unless something else is said."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def clear_of_zero(self) -> bool:
        """Whether zero lies outside, so that there is a difference beyond chance."""
        return self.low > 0 or self.high < 0


def wilson(successes: float, trials: float, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share (Wilson 1927), of 95 % unless told otherwise; (0, 1) without trials."""
    if trials <= 0:
        return 0.0, 1.0
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) + spread / 4) / trials) ** 0.5 / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class ProportionEstimate:
    """Shares of many things in one period, told from its days.

    Pictures of a day resemble each other more than chance would have it, so what varies between days counts: the
    design effect (Kish 1965, Survey Sampling, 8.2) says how many times fewer pictures the same number is worth.

    Attributes:
        hits: `(t,)` pictures that have each of them.
        trials: Pictures.
        effective: `(t,)` how many independent pictures they are worth, at most `trials`.
        days: On which there are any pictures.
    """

    hits: Floats
    trials: float
    effective: Floats
    days: int

    @property
    def share(self) -> Floats:
        """`(t,)` in [0, 1]; zeros without pictures."""
        return self.hits / max(self.trials, 1.0)

    def interval(self, index: int, level: float = LEVEL) -> Interval:
        """One of the shares."""
        effective, share = float(self.effective[index]), float(self.share[index])
        tail = 1 - (1 - level) / 2
        # Student's quantile: the spread between days is itself an estimate. One day alone has none to tell.
        z = float(stdtrit(self.days - 1, tail) if self.days > 1 else ndtri(tail))
        return Interval(share, *wilson(share * effective, effective, z))


def estimate_proportions(hits: Floats, squares: Floats, cross: Floats, trials: Floats) -> ProportionEstimate:
    """Shares of a period, from sums over its days.

    Args:
        hits: `(t,)` sums of x, the pictures a day that have each thing.
        squares: `(t,)` sums of x * x.
        cross: `(t,)` sums of x * n, with n the pictures of that day.
        trials: `(days,)` n.
    """
    trials = trials[trials > 0]
    total, days = float(trials.sum()), len(trials)
    effective = np.full(len(hits), total)
    if days >= 2:
        p = hits / total
        binomial = p * (1 - p) / total
        rest = np.maximum(0.0, squares - 2 * p * cross + p * p * float((trials**2).sum()))
        between = rest * days / (days - 1) / total**2
        effect = np.divide(between, binomial, out=np.ones_like(p), where=binomial > 0)
        effective = total / np.maximum(1.0, effect)
    return ProportionEstimate(np.asarray(hits, np.float64), total, effective, days)


def difference(before: ProportionEstimate, now: ProportionEstimate, index: int, level: float = LEVEL) -> Interval:
    """How much a share changed; the interval is Newcombe's (1998, method 10), from both periods' own intervals."""
    one, two = before.interval(index, level), now.interval(index, level)
    change = two.value - one.value
    down = ((two.value - two.low) ** 2 + (one.high - one.value) ** 2) ** 0.5
    up = ((two.high - two.value) ** 2 + (one.value - one.low) ** 2) ** 0.5
    return Interval(change, max(-1.0, change - down), min(1.0, change + up))


def proportion_change(right: tuple[int, int], n: tuple[int, int]) -> Interval:
    """How much a share changed from one group of independent cases to another (Newcombe 1998, method 10)."""
    pairs = [
        ProportionEstimate(np.array([float(r)]), float(m), np.array([float(m)]), 1)
        for r, m in zip(right, n, strict=True)
    ]
    return difference(pairs[0], pairs[1], 0)


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean of measured values with a 95 % interval; without values it is None."""

    n: int
    value: float | None
    low: float | None
    high: float | None


def estimate_mean(n: int, total: float, squares: float) -> MeanEstimate:
    """The mean of values from their number, sum and sum of squares; Student's interval."""
    if n < 1:
        return MeanEstimate(0, None, None, None)
    value = total / n
    if n < 2:
        return MeanEstimate(n, value, None, None)
    variance = max(0.0, (squares - total * total / n) / (n - 1))
    half = float(stdtrit(n - 1, 0.975)) * (variance / n) ** 0.5
    return MeanEstimate(n, value, max(0.0, value - half), value + half)


def mean_discrepancy(kernel: Floats, groups: NDArray[np.int64], now: NDArray[np.bool_], draws: int) -> float:
    """How likely chance alone shows two samples as different as these, in (0, 1]: a permutation test.

    The statistic is the squared maximum mean discrepancy (Gretton et al. 2012, JMLR 13). Whole groups change sides,
    so that pictures which came together, and resemble each other, do not pass for many independent ones.

    Args:
        kernel: `(n, n)` similarities of all pictures.
        groups: `(n,)` which pictures came together.
        now: `(n,)` which pictures are of the newer sample; the same for all of a group.
        draws: Permutations.
    """
    names, member = np.unique(groups, return_inverse=True)
    side = np.zeros(len(names), bool)
    side[member] = now
    random = np.random.default_rng(0)
    drawn = np.stack([side, *(random.permutation(side) for _ in range(draws))])[:, member]
    ones = drawn.sum(axis=1, keepdims=True)
    weights = np.where(drawn, 1.0 / np.maximum(ones, 1), -1.0 / np.maximum(len(now) - ones, 1))
    found = np.einsum("ij,ij->i", weights @ kernel, weights)
    return float((1 + (found[1:] >= found[0] - 1e-12).sum()) / (1 + draws))
