from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging_core.learning.calibration import (
    Calibration,
    CalibrationData,
    among_rivals,
    calibration_error,
    fit_calibration,
    none_logit,
    read_calibration,
    unavoidable_error,
)
from tagging_core.learning.classifier import sigmoid


def make_data(logits: np.ndarray, labels: np.ndarray, tags: int = 1) -> CalibrationData:
    names = [f"t{n}" for n in range(tags)]
    return CalibrationData(logits, labels, np.ones(len(logits)), np.arange(len(logits)) % tags, names, ["c"] * tags)


def simulate(seed: int, n: int, slope: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, n)
    return logits, (random.random(n) < sigmoid(slope * logits + shift)).astype(float)


def test_without_decisions_calibration_is_the_identity() -> None:
    found = fit_calibration(make_data(np.zeros(0), np.zeros(0)))
    slopes, shifts = found.of(["x"], ["c"])
    assert (slopes[0], shifts[0]) == (1.0, 0.0)


def test_many_decisions_recover_slope_and_shift() -> None:
    logits, labels = simulate(0, 5000, slope=0.6, shift=0.8)
    slopes, shifts = fit_calibration(make_data(logits, labels)).of(["t0"], ["c"])
    assert abs(slopes[0] - 0.6) < 0.08
    assert abs(shifts[0] - 0.8) < 0.12


def test_a_tag_with_few_decisions_is_calibrated_like_its_category() -> None:
    logits, labels = simulate(1, 4000, slope=1.0, shift=1.5)
    few = CalibrationData(
        np.append(logits, [0.0]),
        np.append(labels, [0.0]),
        np.ones(4001),
        np.append(np.zeros(4000, int), [1]),
        ["many", "few"],
        ["c", "c"],
    )
    _, shifts = fit_calibration(few).of(["many", "few", "never decided"], ["c"] * 3)
    assert abs(shifts[2] - shifts[0]) < 0.5
    assert 0 < shifts[2] - shifts[1] < 0.3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(-2, 2))
def test_calibration_preserves_the_ranking(seed: int, n: int, shift: float) -> None:
    random = np.random.default_rng(seed)
    # Labels that contradict the logits as strongly as possible.
    logits = random.normal(shift, 1, n)
    slopes, _ = fit_calibration(make_data(logits, (logits < 0).astype(float))).of(["t0"], ["c"])
    assert slopes[0] > 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_order_does_not_matter(seed: int) -> None:
    logits, labels = simulate(seed, 60, 0.7, 0.3)
    order = np.random.default_rng(seed).permutation(60)
    one = make_data(logits, labels, tags=3)
    other = CalibrationData(
        logits[order], labels[order], one.weights, one.rows[order], one.tag_ids, one.category_ids
    )
    first, second = fit_calibration(one), fit_calibration(other)
    assert np.allclose(first.of(one.tag_ids, one.category_ids), second.of(one.tag_ids, one.category_ids), atol=1e-6)


def test_rivals_share_one_probability() -> None:
    nothing = none_logit(tags=4, prior=0.03, presence=0.9)
    before = np.full((1, 4), np.log(0.03 / 0.97))
    assert np.isclose(sigmoid(among_rivals(before, nothing)).sum(), 0.9)
    sure = np.array([[5.0, 4.0, -3.0, -3.0]])
    shares = sigmoid(among_rivals(sure, nothing))
    assert shares.sum() < 1
    assert shares[0, 0] < sigmoid(sure)[0, 0]
    assert list(np.argsort(-shares[0])[:2]) == [0, 1]


def test_a_stored_calibration_is_read_back() -> None:
    found = Calibration((0.1, 0.2), {"c": (0.0, -0.1)}, {"t": (0.3, 0.4)})
    assert (
        read_calibration({"library": [0.1, 0.2], "categories": {"c": [0.0, -0.1]}, "tags": {"t": [0.3, 0.4]}})
        == found
    )


def test_true_probabilities_have_only_sampling_error() -> None:
    p = np.random.default_rng(0).beta(1, 3, 3000)
    y = (np.random.default_rng(1).random(3000) < p).astype(float)
    assert calibration_error(p, y) < 2 * unavoidable_error(p)
    assert calibration_error(np.clip(p + 0.2, 0, 1), y) > 0.15
