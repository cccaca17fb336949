"""The encoder interface, the presets and the tiny encoder; the built-in model has its own file."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tagging_core.embeddings.encoders import find_preset, load_encoder, presets
from tagging_core.embeddings.encoders.colours import WORDS, colour_profile
from tagging_core.errors import EncoderError


def test_every_preset_is_complete_and_has_a_unique_fingerprint() -> None:
    listed = presets()
    expected = {
        "gme-qwen2-vl-2b",
        "gme-qwen2-vl-7b",
        "qwen3-vl-embedding-2b",
        "qwen3-vl-embedding-8b",
        "siglip2-base",
        "clip",
        "builtin",
        "tiny",
    }
    assert expected <= set(listed)
    assert len({p.fingerprint for p in listed.values()}) == len(listed)
    for preset in listed.values():
        assert 0 < preset.learner.prior < 1
        assert preset.licence
        assert preset.max_pixels > 0
        if "/" in preset.model:
            assert re.fullmatch("[0-9a-f]{40}", preset.revision), "pinned by commit"


def test_any_other_name_is_a_folder_or_hub_id() -> None:
    assert find_preset("some/model").model == "some/model"
    assert find_preset("some/model").fingerprint != find_preset("other/model").fingerprint


def test_the_tiny_encoder_is_deterministic_and_knows_colours(tmp_path) -> None:  # type: ignore[no-untyped-def]
    encoder = load_encoder("tiny", tmp_path)
    red, blue = Image.new("RGB", (30, 20), (220, 30, 30)), Image.new("RGB", (30, 20), (40, 70, 220))
    vectors = encoder.encode_images([red, blue])
    assert vectors.dtype == np.float32
    assert vectors.shape == (2, encoder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors, encoder.encode_images([red, blue]))
    text = encoder.encode_texts(["a photo of red"])[0]
    assert text @ vectors[0] > text @ vectors[1]


@pytest.mark.parametrize("name", ["nothing", "./nothing", "gme-qwen2", "a/b/c"])
def test_an_unknown_model_name_is_rejected_with_a_hint(name: str) -> None:
    with pytest.raises(EncoderError, match="TAGLOOP_ENCODER=builtin"):
        find_preset(name)


def test_a_misspelt_preset_name_gets_a_suggestion() -> None:
    with pytest.raises(EncoderError, match="Did you mean 'siglip2-base'"):
        find_preset("siglip-base")


@pytest.mark.parametrize(
    ("colour", "word"),
    [
        ((200, 20, 25), "red"),
        ((30, 80, 200), "blue"),
        ((250, 250, 250), "white"),
        ((10, 10, 10), "black"),
        ((60, 150, 60), "green"),
        ((130, 130, 130), "grey"),
    ],
)
def test_a_plain_picture_has_its_basic_colour(colour: tuple[int, int, int], word: str) -> None:
    profile = colour_profile(Image.new("RGB", (50, 50), colour))
    assert profile[WORDS.index(word)] == pytest.approx(1, abs=1e-5)
    assert profile[:11].sum() == pytest.approx(1, abs=1e-5)
