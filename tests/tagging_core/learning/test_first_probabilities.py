"""What a tag's text says before any decision holds for any encoder, and promises nothing that it cannot see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging_core import Tagloop, User
from tagging_core.embeddings.encoders import LearnerDefaults, Vectors, find_preset, unit
from tagging_core.learning.classifier import Floats, initial_pack, measure_pack, sigmoid, text_anchor
from tagging_core.learning.tag_texts import TagTexts, common_text
from tagging_core.taxonomy import Tag

DIMENSION, PICTURES, TAGS, SHARED = 2048, 200, 40, 30
DEFAULTS: LearnerDefaults = find_preset("builtin").learner


def draw(count: int, seed: int) -> Vectors:
    """Unit vectors that agree in a few shared directions, as pictures and texts of one model do."""
    random = np.random.default_rng(seed)
    directions = np.random.default_rng(0).normal(size=(SHARED, DIMENSION))
    return unit(random.normal(size=(count, SHARED)) @ directions + 4 * random.normal(size=(count, DIMENSION)))


def probabilities(pictures: Vectors, texts: Vectors) -> Floats:
    """Of tags with these texts, on a gallery of these pictures."""
    centred = unit(texts - texts.mean(axis=0))
    pack = measure_pack(pictures, centred, initial_pack(np.zeros(DIMENSION, np.float32), DEFAULTS))
    x = pack.centre(pictures)
    return np.stack([sigmoid(text_anchor(text, pack, DEFAULTS).logits(x)) for text in centred], axis=1)


@settings(max_examples=20, deadline=None)
@given(length=st.floats(0, 4), spread=st.floats(0.2, 5), seed=st.integers(1, 10_000), together=st.booleans())
def test_a_common_part_of_all_vectors_changes_no_first_probability(
    length: float, spread: float, seed: int, together: bool
) -> None:
    random = np.random.default_rng(seed)
    added = length * unit(random.normal(size=(2, DIMENSION)))
    pictures, texts = draw(PICTURES, 1), draw(TAGS, 2)
    moved = unit(spread * pictures + added[0]), unit(texts + added[0 if together else 1])
    before = probabilities(pictures, texts)
    assert before.max() > 0.2
    assert np.abs(probabilities(*moved) - before).max() <= 0.02


def test_a_text_without_anything_of_its_own_promises_no_more_than_a_tag_on_average() -> None:
    pack = initial_pack(np.zeros(DIMENSION, np.float32), DEFAULTS)
    anchor = text_anchor(np.zeros(DIMENSION, np.float32), pack, DEFAULTS)
    assert sigmoid(anchor.logits(draw(5, 3))) == pytest.approx(DEFAULTS.prior)


def test_texts_of_tags_are_centred_alike_with_and_without_the_database(loop: Tagloop) -> None:
    taxonomy, preset = loop.taxonomy(), loop.model.preset
    tag = taxonomy.tags["garment.dress"]
    kept = TagTexts(loop.database, preset, loop.model.encoder).of([tag], taxonomy)[0]
    encoder = loop.model.encoder()
    own = encoder.encode_texts(taxonomy.sentences(tag, preset.templates, preset.name)).mean(axis=0)
    assert kept == pytest.approx(unit(unit(own) - common_text(encoder)), abs=1e-5)


def test_a_new_tag_leaves_the_texts_of_others_alone(loop: Tagloop, ann: User) -> None:
    def text() -> Vectors:
        fresh = TagTexts(loop.database, loop.model.preset, loop.model.encoder)
        return fresh.of([loop.taxonomy().tags["garment.dress"]], loop.taxonomy())[0]

    alone = text()
    loop.curation.save(ann, Tag("", "garment", {"en": "Kilt"}))
    assert np.array_equal(text(), alone)
