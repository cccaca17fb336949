"""Every large preset as an encoder: loading, batching, mixed sizes, instructions, memory, several devices."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tagging_core.embeddings.encoders.sentence import SentenceEncoder
from tagging_core.errors import EncoderError
from tests.models.checkpoints import DIMENSIONS, MAKERS
from tests.models.conftest import pictures

Load = Callable[..., SentenceEncoder]
MIXED = [(64, 48), (500, 300), (300, 500), (28, 28), (800, 60), (448, 448), (120, 90)]
CHAT = ["gme-qwen2-vl-2b", "qwen3-vl-embedding-2b"]


@pytest.mark.parametrize("name", MAKERS)
def test_batches_match_single_inputs(load: Load, name: str) -> None:
    encoder = load(name)
    images = [encoder.prepare(image) for image in pictures(*MIXED)]
    together = encoder.encode_images(images)
    alone = np.vstack([encoder.encode_images([image]) for image in images])
    assert together.shape == (len(MIXED), DIMENSIONS[name])
    assert together.dtype == np.float32
    assert np.abs(together - alone).max() < 1e-5
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    texts = ["red", "a photo of a red dress by the sea", "x" * 40]
    single_texts = np.vstack([encoder.encode_texts([text]) for text in texts])
    assert np.abs(encoder.encode_texts(texts) - single_texts).max() < 1e-5
    assert np.abs(single_texts[0] - single_texts[1]).max() > 1e-3


@pytest.mark.parametrize("name", MAKERS)
def test_encoding_is_deterministic(load: Load, name: str) -> None:
    images = pictures(*MIXED[:3])
    assert np.array_equal(load(name).encode_images(images), load(name).encode_images(images))


@pytest.mark.parametrize("name", MAKERS)
def test_empty_batches_and_texts_that_look_like_paths_are_handled(load: Load, name: str) -> None:
    encoder = load(name)
    for found in (encoder.encode_images([]), encoder.encode_texts([])):
        assert found.shape == (0, encoder.dimension)
    dangerous = encoder.encode_texts(["https://host/x.png", "/etc/hostname"])  # embedded as text, never opened
    assert dangerous.shape == (2, encoder.dimension)


@pytest.mark.parametrize("name", CHAT)
def test_an_instruction_reaches_pictures_and_texts(load: Load, name: str) -> None:
    encoder = load(name)
    image = pictures((200, 200))
    instruction = "Find the garment."
    assert np.abs(encoder.encode_images(image, instruction) - encoder.encode_images(image)).max() > 1e-4
    assert np.abs(encoder.encode_texts(["red"], instruction) - encoder.encode_texts(["red"])).max() > 1e-4
    default = encoder.encode_texts(["red"], encoder.preset.query)
    assert np.array_equal(encoder.encode_texts(["red"]), default)


@pytest.mark.parametrize("name", CHAT)
def test_an_accompanying_text_is_fused_with_its_picture(load: Load, name: str) -> None:
    encoder = load(name)
    images = pictures((200, 200), (64, 64), (90, 120))
    plain, fused = encoder.encode_images(images), encoder.encode_images(images, texts=["a red dress", "", "a hat"])
    assert np.abs(plain[[0, 2]] - fused[[0, 2]]).max(axis=1).min() > 1e-4
    assert np.allclose(plain[1], fused[1], atol=1e-5)


@pytest.mark.parametrize("name", ["clip", "siglip2-base"])
def test_models_without_instructions_ignore_them(load: Load, name: str) -> None:
    encoder = load(name)
    image = pictures((200, 200))
    assert np.array_equal(encoder.encode_images(image, "Find it.", ["a hat"]), encoder.encode_images(image))
    assert np.array_equal(encoder.encode_texts(["red"], "Find it."), encoder.encode_texts(["red"]))


@pytest.mark.parametrize("name", CHAT)
@pytest.mark.parametrize("sizes", [MIXED, [(112, 112)] * 3], ids=["mixed", "alike"])
def test_batched_attention_matches_the_library(load: Load, name: str, sizes: list[tuple[int, int]]) -> None:
    encoder = load(name)
    model: Any = encoder.models[0]
    images = [encoder.prepare(image) for image in pictures(*sizes)]
    found = encoder.encode_images(images)
    assert model[0].auto_model.visual.config._attn_implementation == "tagloop_flash"
    model[0].auto_model.visual.config._attn_implementation = "sdpa"
    features = model.preprocess([{"image": image} for image in images], prompt=encoder.preset.document or None)
    assert "position_ids" not in features
    with torch.inference_mode():
        assert np.abs(model(dict(features))["sentence_embedding"].numpy() - found).max() < 1e-5


def test_gme_uses_its_own_template_and_last_token_pooling(load: Load) -> None:
    encoder = load("gme-qwen2-vl-2b")
    model: Any = encoder.models[0]
    features = model.preprocess([{"image": pictures((56, 56))[0], "text": "a hat"}], prompt=None)
    text = model.tokenizer.decode(features["input_ids"][0], skip_special_tokens=False)
    assert text == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "<|vision_start|>"
        + 4 * "<|image_pad|>"
        + "<|vision_end|>a hat<|im_end|>\n<|im_start|>assistant\n<|endoftext|>"
    )
    with torch.inference_mode():
        states = model[0](dict(features))["token_embeddings"][0, -1]
    expected = torch.nn.functional.normalize(states, dim=0).numpy()
    found = encoder.encode_images(pictures((56, 56)), texts=["a hat"])[0]
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.parametrize(("name", "token"), [("gme-qwen2-vl-2b", 28), ("qwen3-vl-embedding-2b", 32)])
def test_the_pixel_limit_is_honoured(load: Load, name: str, token: int) -> None:
    encoder = load(name)
    prepared = encoder.prepare(pictures((2000, 1500))[0])
    features = encoder.models[0].preprocess([{"image": prepared}], prompt=None)
    tokens = int(features["image_grid_thw"].prod()) // 4
    assert 200 <= tokens <= 256 == encoder.preset.max_pixels // token**2


def test_a_siglip_text_is_padded_as_in_training(load: Load) -> None:
    features = load("siglip2-base").models[0].preprocess([{"text": "red"}], prompt=None)
    assert features["input_ids"].shape == (1, 64)
    pad = load("siglip2-base").models[0].tokenizer.pad_token_id
    assert features["input_ids"][0, -1] == pad


def test_out_of_memory_is_handled_with_smaller_batches(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load("clip")
    images = pictures(*MIXED)
    expected = encoder.encode_images(images)
    batches = starve(encoder, monkeypatch, 2)
    assert np.abs(encoder.encode_images(images) - expected).max() < 1e-5
    assert batches[:3] == [7, 3, 1]
    batches.clear()
    encoder.encode_images(images)
    assert max(batches) <= 2, "batch sizes that did not fit are not tried again"


def test_too_little_memory_for_one_picture_is_reported(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = load("clip")
    starve(encoder, monkeypatch, 0)
    with pytest.raises(EncoderError, match="one picture at a time"):
        encoder.encode_images(pictures((60, 60)))


def test_several_devices_work_in_parallel_and_callers_get_their_own_vectors(load: Load) -> None:
    encoder = load("clip", devices="cpu,cpu")
    assert encoder.devices == ["cpu", "cpu"]
    images = pictures(*[(60 + 7 * n, 50) for n in range(12)])
    expected = encoder.encode_images(images)
    found: dict[int, Any] = {}

    def ask(n: int) -> None:
        found[n] = encoder.encode_images([images[n]])[0]

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.abs(found[n] - expected[n]).max() < 1e-5 for n in range(12))


def starve(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Make batches larger than `most` run out of memory; return the batch sizes that are tried."""
    tried: list[int] = []
    model: Any = encoder.models[0]
    forward = type(model).forward

    def limited_forward(self: Any, features: dict[str, Any], **kwargs: Any) -> Any:
        size = len(features["pixel_values"])
        tried.append(size)
        if size > most:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        return forward(self, features, **kwargs)

    monkeypatch.setattr(type(model), "forward", limited_forward)
    return tried
