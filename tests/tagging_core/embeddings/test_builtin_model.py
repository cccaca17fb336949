"""The built-in model as it ships; it is loaded once for all tests here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagging_core.assets.decoding import open_picture
from tagging_core.embeddings.encoders import Encoder, load_encoder
from tagging_core.embeddings.encoders.image_network import ImageNetwork, crop, load_eager, verify_sha256
from tagging_core.errors import EncoderError
from tagging_core.ingest.service import SAMPLES

GARMENTS = {"hat": "a hat, cap or beanie", "pants": "pants, trousers, jeans", "shoes": "shoes, sneakers, boots"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def encoder(models: Path) -> Encoder:
    return load_encoder("builtin", models)


def sample(name: str) -> Image.Image:
    return open_picture(next(SAMPLES.glob(f"{name}-*.jpg")).read_bytes()).image


def test_sample_photos_are_classified_zero_shot(encoder: Encoder) -> None:
    images = encoder.encode_images([sample(name) for name in GARMENTS])
    texts = encoder.encode_texts([f"a photo of {prompt}" for prompt in GARMENTS.values()])
    assert (images @ texts.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_vectors_are_unit_float32_and_repeatable(encoder: Encoder) -> None:
    images = [sample("dress"), sample("shirt")]
    vectors = encoder.encode_images(images)
    assert (vectors.dtype, vectors.shape) == (np.float32, (2, 2296))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(encoder.encode_images(images[:1])[0], vectors[0], atol=1e-4)
    prepared = [encoder.prepare(image) for image in images]
    assert np.allclose(encoder.encode_images(prepared), vectors, atol=1e-6)
    assert encoder.encode_images([]).shape == (0, 2296)


def test_colours_are_distinguished(encoder: Encoder) -> None:
    red, blue = encoder.encode_images([Image.new("RGB", (300, 300), c) for c in ((200, 20, 20), (20, 60, 200))])
    text = encoder.encode_texts(["a photo of red, crimson, scarlet"])[0]
    assert text @ red > text @ blue + 0.05


@pytest.mark.parametrize("text", ["http://127.0.0.1:9/x.png", "/etc/hostname", "data:image/png;base64,AAAA"])
def test_a_text_is_never_treated_as_a_url_or_path(encoder: Encoder, tmp_path: Path, text: str) -> None:
    picture = tmp_path / "real.png"
    Image.new("RGB", (10, 10)).save(picture)
    for written in (text, str(picture)):
        vector = encoder.encode_texts([written])[0]
        assert np.allclose(vector[1000:2280], 0)  # the visual part, which only pictures have


def test_sentence_transformers_encode_accepts_strings_and_pictures(encoder: Encoder) -> None:
    model = encoder.models[0]  # type: ignore[attr-defined]
    assert np.allclose(model.encode("a photo of a dog"), encoder.encode_texts(["a photo of a dog"])[0], atol=1e-5)
    assert np.allclose(model.encode(sample("hat")), encoder.encode_images([sample("hat")])[0], atol=1e-4)


def test_the_onnx_export_matches_pytorch_and_is_made_once(encoder: Encoder, models: Path) -> None:
    import torch

    (path,) = models.glob("*.onnx")
    made = path.stat().st_mtime_ns
    pixels = np.stack([np.asarray(crop(sample(name))) for name in GARMENTS])
    logits, features = ImageNetwork(models)(pixels)
    with torch.no_grad():
        expected, expected_features = load_eager()(torch.from_numpy(pixels))
    assert np.allclose(logits, expected.numpy(), atol=1e-3)
    assert np.allclose(features, expected_features.numpy(), atol=1e-3)
    assert path.stat().st_mtime_ns == made


def test_changed_or_missing_weights_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"changed")
    with pytest.raises(EncoderError, match="changed or damaged"):
        verify_sha256(tmp_path / "weights.pth", "0" * 64)
    with pytest.raises(EncoderError, match="missing"):
        verify_sha256(tmp_path / "nothing.pth", "0" * 64)


def test_passages_are_compared_by_meaning(encoder: Encoder) -> None:
    caption, politics, beach = encoder.encode_passages(
        ["President meets foreign ministers", "Politics. Heads of state and governments.", "Beach. Sand and sea."]
    )
    assert caption @ politics > caption @ beach + 0.1
