from __future__ import annotations

import numpy as np
import pytest

from tagging_core.learning.thresholds import decisions_needed, find_threshold, find_thresholds, precision_bound


def history(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are somewhat too sure, and what was right."""
    random = np.random.default_rng(seed)
    p = random.beta(3, 1, n)
    return p, (random.random(n) < p**1.3).astype(float)


def test_the_numbers_of_decisions_are_the_known_ones() -> None:
    assert [decisions_needed(0.95, 0.9), decisions_needed(0.98, 0.9), decisions_needed(0.99, 0.9)] == [45, 114, 230]
    assert precision_bound(114, 0, 0.9) == pytest.approx(0.98, abs=2e-4)
    assert precision_bound(193, 1, 0.9) == pytest.approx(0.98, abs=2e-4)
    assert precision_bound(0, 5) == 0


def test_not_enough_history_is_an_answer() -> None:
    cut = find_threshold(np.full(20, 0.99), np.ones(20), 0.95)
    assert cut.probability is None
    assert "20 judged suggestions of at least 59" in cut.reason
    assert find_threshold(np.zeros(0), np.zeros(0), 0.95).probability is None


def test_wrong_ones_at_the_top_forbid_any_cut() -> None:
    cut = find_threshold(np.linspace(1, 0.5, 200), np.tile([1.0, 0.0], 100), 0.95)
    assert cut.probability is None
    assert "were wrong" in cut.reason


def test_the_promise_is_kept_in_95_of_100_histories() -> None:
    broken = found = 0
    for seed in range(400):
        p, y = history(seed, 600)
        cut = find_threshold(p, y, 0.9)
        if cut.probability is not None:
            found += 1
            future, truth = history(10_000 + seed, 20_000)
            broken += truth[future >= cut.probability].mean() < 0.9
    assert found > 200
    assert broken / found <= 0.05


def test_more_history_accepts_more() -> None:
    small, large = (find_threshold(*history(3, n), 0.9) for n in (300, 6000))
    assert large.probability is not None
    assert small.probability is None or large.probability <= small.probability


def test_a_tag_that_alone_is_good_enough_has_its_own_cut_and_a_bad_one_is_left_out() -> None:
    good, bad = np.ones(400), np.tile([1.0, 1.0, 0.0], 20)
    p = np.concatenate([np.linspace(0.99, 0.6, 400), np.full(60, 0.97)])
    rows = np.repeat([0, 1], [400, 60])
    found = find_thresholds(p, np.concatenate([good, bad]), rows, tag_ids=["good", "bad"], target=0.9)
    assert found.of("good").probability is not None
    assert found.of("bad").probability is None
    assert "20 of the 81" in found.of("bad").reason
    assert found.of("another") == found.pooled
