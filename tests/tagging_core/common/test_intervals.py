"""Simulations: intervals reach their nominal coverage, and tests keep their nominal false-alarm rate."""

from __future__ import annotations

import numpy as np
import pytest

from tagging_core.common import intervals
from tagging_core.common.intervals import ProportionEstimate, difference, estimate_mean, proportion_change, wilson


def shares_of(hits: np.ndarray, trials: np.ndarray) -> ProportionEstimate:
    """Estimates from daily counts of hits, shape `(days, t)`."""
    return intervals.estimate_proportions(
        hits.sum(0), (hits**2).sum(0), (hits * trials[:, None]).sum(0), trials=trials
    )


def simulate(share: float, days: int, spread: float, random: np.random.Generator) -> ProportionEstimate:
    """A thousand simulated proportions whose rate varies from day to day."""
    trials = random.integers(20, 60, days).astype(float)
    if spread:
        strength = 1 / spread - 1
        p = random.beta(share * strength, (1 - share) * strength, (days, 1000))
    else:
        p = np.full((days, 1000), share)
    hits = random.binomial(trials[:, None].astype(int), p).astype(float)
    return shares_of(hits, trials)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 0, 0, 1), (8, 10, 0.490, 0.943), (0, 10, 0, 0.278), (10, 10, 0.722, 1)],
)
def test_the_interval_is_wilsons_score_interval(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-3)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
@pytest.mark.parametrize(("days", "spread"), [(30, 0.0), (30, 0.05), (8, 0.1), (90, 0.1)])
def test_intervals_keep_their_coverage_when_days_differ(share: float, days: int, spread: float) -> None:
    found = simulate(share, days, spread, np.random.default_rng(0))
    inside = [(i := found.interval(n)).low <= share <= i.high for n in range(1000)]
    assert np.mean(inside) >= 0.93  # nominal 0.95; a thousand draws, and a skewed estimate of the spread


@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_differences_keep_their_coverage(spread: float) -> None:
    random = np.random.default_rng(1)
    before, now = simulate(0.31, 60, spread, random), simulate(0.38, 60, spread, random)
    inside = [(d := difference(before, now, n)).low <= 0.07 <= d.high for n in range(1000)]
    assert np.mean(inside) >= 0.93


def test_noise_is_not_reported_as_a_trend() -> None:
    random = np.random.default_rng(2)
    alarms = 0
    for _ in range(200):
        before, now = simulate(0.2, 40, 0.05, random), simulate(0.2, 40, 0.05, random)
        level = 1 - 0.05 / 50
        alarms += any(difference(before, now, n, level=level).clear_of_zero for n in range(50))
    assert alarms / 200 <= 0.08  # nominal 0.05 per comparison of fifty tags


def test_one_picture_and_no_picture_have_wide_intervals() -> None:
    one = shares_of(np.array([[1.0]]), np.array([1.0]))
    assert one.interval(0).low < 0.25
    assert one.interval(0).high == 1
    none = shares_of(np.zeros((0, 1)), np.zeros(0))
    assert none.interval(0) == intervals.Interval(0, 0, 1)


def test_a_change_of_proportion_uses_newcombes_interval() -> None:
    # Newcombe 1998, table II, case (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339
    found = proportion_change((48, 56), (80, 70))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-4)


def test_a_mean_uses_students_interval() -> None:
    values = np.array([3.0, 5.0, 7.0, 9.0])
    found = estimate_mean(4, values.sum(), (values**2).sum())
    assert (found.value, found.low, found.high) == pytest.approx((6, 1.8914, 10.1086), abs=1e-3)
    assert estimate_mean(0, 0, 0).value is None
    assert estimate_mean(1, 3, 9).low is None


@pytest.mark.parametrize("in_groups", [False, True])
def test_mean_discrepancy_keeps_its_false_alarm_rate(in_groups: bool) -> None:
    random = np.random.default_rng(3)
    found = []
    for _ in range(200):
        groups = np.repeat(np.arange(16), 6) if in_groups else np.arange(96)
        centres = random.normal(size=(groups.max() + 1, 4)) * (2.0 if in_groups else 0.0)
        x = centres[groups] + random.normal(size=(96, 4))
        kernel = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / 8)
        found.append(intervals.mean_discrepancy(kernel, groups, groups < (groups.max() + 1) // 2, draws=99))
    assert np.mean(np.array(found) <= 0.05) <= 0.09
    assert 0.35 < np.mean(found) < 0.65


def test_mean_discrepancy_detects_a_shift() -> None:
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(20), 5)
    x = random.normal(size=(100, 4)) + (groups < 10)[:, None] * 1.0
    kernel = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / 8)
    assert intervals.mean_discrepancy(kernel, groups, groups < 10, draws=199) <= 0.01
