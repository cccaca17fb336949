from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging_core.embeddings.encoders import find_preset, unit
from tagging_core.learning.classifier import (
    Examples,
    fit_tag,
    initial_pack,
    kernel,
    measure_pack,
    sigmoid,
    text_anchor,
)

D = 16
DEFAULTS = find_preset("tiny").learner
PACK = initial_pack(np.zeros(D, np.float32), DEFAULTS)


def random_vectors(seed: int, n: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, D)))


def examples(seed: int, positives: int, negatives: int) -> Examples:
    n = positives + negatives
    labels = np.array([1.0] * positives + [0.0] * negatives)
    return Examples(random_vectors(seed, n), labels, np.ones(n))


def test_without_examples_the_classifier_is_the_text_anchor() -> None:
    text = random_vectors(0, 1)[0]
    fit, anchor = fit_tag(text, examples(0, 0, 0), PACK, defaults=DEFAULTS), text_anchor(text, PACK, DEFAULTS)
    assert np.array_equal(fit.model.weights, anchor.weights)
    assert fit.model.bias == anchor.bias


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 8), st.integers(0, 8))
def test_order_does_not_matter(seed: int, positives: int, negatives: int) -> None:
    known, text = examples(seed, positives, negatives), random_vectors(seed + 1, 1)[0]
    order = np.random.default_rng(seed).permutation(len(known.labels))
    shuffled = Examples(known.vectors[order], known.labels[order], known.weights[order])
    first, second = (
        fit_tag(text, known, PACK, defaults=DEFAULTS).model,
        fit_tag(text, shuffled, PACK, defaults=DEFAULTS).model,
    )
    assert np.allclose(first.weights, second.weights, atol=1e-3)
    assert np.isclose(first.bias, second.bias, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 5), st.integers(0, 5))
def test_accepting_a_picture_raises_its_logit_and_rejecting_it_lowers_it(seed: int, yes: int, no: int) -> None:
    known, text = examples(seed, yes, no), random_vectors(seed + 1, 1)[0]
    new = random_vectors(seed + 2, 1)
    before = fit_tag(text, known, PACK, defaults=DEFAULTS).model
    logit = float(new[0] @ before.weights + before.bias)
    for label, direction in ((1.0, 1), (0.0, -1)):
        more = Examples(
            np.vstack([known.vectors, new]), np.append(known.labels, label), np.append(known.weights, 1.0)
        )
        after = fit_tag(text, more, PACK, defaults=DEFAULTS).model
        assert direction * (float(new[0] @ after.weights + after.bias) - logit) > -1e-3


def test_extreme_examples_converge() -> None:
    vectors = np.repeat(random_vectors(3, 1), 50, axis=0)
    known = Examples(vectors, np.array([1.0, 0.0] * 25), np.ones(50))
    model = fit_tag(random_vectors(4, 1)[0], known, PACK, defaults=DEFAULTS).model
    probability = sigmoid(vectors[0] @ model.weights + model.bias)
    assert np.isfinite(model.weights).all()
    assert 0.2 < probability < 0.8


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 12))
def test_a_held_out_logit_approximates_a_refit_without_the_example(
    seed: int, positives: int, negatives: int
) -> None:
    known, text = examples(seed, positives, negatives), random_vectors(seed + 1, 1)[0]
    fit = fit_tag(text, known, PACK, defaults=DEFAULTS)
    refitted = np.zeros(len(known.labels))
    for i in range(len(refitted)):
        keep = np.arange(len(refitted)) != i
        rest = Examples(known.vectors[keep], known.labels[keep], known.weights[keep])
        refitted[i] = fit_tag(text, rest, PACK, defaults=DEFAULTS).model.logits(known.vectors[i : i + 1])[0]
    change = np.abs(fit.model.logits(known.vectors) - refitted).mean()
    # One Newton step is not a refit, but it must account for most of the change that the example made.
    assert np.abs(fit.held_out - refitted).mean() < 0.1 + 0.2 * change


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(0, 6))
def test_anchor_and_examples_add_up_to_the_logit(seed: int, positives: int, negatives: int) -> None:
    known, text = examples(seed, positives, negatives), random_vectors(seed + 1, 1)[0]
    picture = random_vectors(seed + 2, 1)
    fit = fit_tag(text, known, PACK, defaults=DEFAULTS)
    parts = fit.prior.model.logits(picture)[0] + float((kernel(picture, known.vectors, DEFAULTS) @ fit.alphas)[0])
    assert np.isclose(parts, fit.model.logits(picture)[0], atol=1e-3)


def test_measuring_a_pack_increments_its_version_and_centres_the_gallery() -> None:
    gallery = unit(random_vectors(5, 200) + 1.0)
    pack = measure_pack(gallery, random_vectors(6, 10), PACK)
    assert pack.version == 1
    assert np.abs(pack.centre(gallery).mean(axis=0)).max() < 0.1
    assert 0 < pack.spread < 1
