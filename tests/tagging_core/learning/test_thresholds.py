from __future__ import annotations

import numpy as np
import pytest

from tagging_core.learning.thresholds import decisions_needed, find_threshold, find_thresholds, precision_bound


def history(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Slightly overconfident probabilities, and whether each was right."""
    random = np.random.default_rng(seed)
    p = random.beta(3, 1, n)
    return p, (random.random(n) < p**1.3).astype(float)


def test_decisions_needed_match_reference_values() -> None:
    assert [decisions_needed(0.95, 0.9), decisions_needed(0.98, 0.9), decisions_needed(0.99, 0.9)] == [45, 114, 230]
    assert precision_bound(114, 0, 0.9) == pytest.approx(0.98, abs=2e-4)
    assert precision_bound(193, 1, 0.9) == pytest.approx(0.98, abs=2e-4)
    assert precision_bound(0, 5) == 0


def test_too_little_history_yields_no_threshold_and_a_reason() -> None:
    threshold = find_threshold(np.full(20, 0.99), np.ones(20), 0.95)
    assert threshold.probability is None
    assert "20 judged suggestions of at least 59" in threshold.reason
    assert find_threshold(np.zeros(0), np.zeros(0), 0.95).probability is None


def test_errors_among_the_most_confident_prevent_any_threshold() -> None:
    threshold = find_threshold(np.linspace(1, 0.5, 200), np.tile([1.0, 0.0], 100), 0.95)
    assert threshold.probability is None
    assert "were wrong" in threshold.reason


def test_the_target_precision_holds_in_95_of_100_histories() -> None:
    broken = found = 0
    for seed in range(400):
        p, y = history(seed, 600)
        threshold = find_threshold(p, y, 0.9)
        if threshold.probability is not None:
            found += 1
            future, truth = history(10_000 + seed, 20_000)
            broken += truth[future >= threshold.probability].mean() < 0.9
    assert found > 200
    assert broken / found <= 0.05


def test_more_history_lowers_the_threshold() -> None:
    small, large = (find_threshold(*history(3, n), 0.9) for n in (300, 6000))
    assert large.probability is not None
    assert small.probability is None or large.probability <= small.probability


def test_a_precise_tag_gets_its_own_threshold_and_an_imprecise_one_gets_none() -> None:
    good, bad = np.ones(400), np.tile([1.0, 1.0, 0.0], 20)
    p = np.concatenate([np.linspace(0.99, 0.6, 400), np.full(60, 0.97)])
    rows = np.repeat([0, 1], [400, 60])
    found = find_thresholds(p, np.concatenate([good, bad]), rows, tag_ids=["good", "bad"], target=0.9)
    assert found.of("good").probability is not None
    assert found.of("bad").probability is None
    assert "20 of the 81" in found.of("bad").reason
    assert found.of("another") == found.pooled
