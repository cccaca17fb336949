"""Problems with a model's files or the machine are reported before loading, with a way to fix them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tagging_core.embeddings.encoders import find_preset, load_encoder, load_preset
from tagging_core.embeddings.encoders.sentence import SentenceEncoder
from tagging_core.errors import EncoderError
from tests.models.conftest import pictures, small


@pytest.fixture
def folder(checkpoints: Path, tmp_path: Path) -> Path:
    """A copy of the tiny CLIP that tests may damage."""
    return Path(shutil.copytree(checkpoints / "clip", tmp_path / "clip"))


def test_a_folder_is_a_model_and_its_fingerprint_depends_on_its_weights(folder: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(folder), tmp_path, "cpu")
    before = find_preset(str(folder)).fingerprint
    assert encoder.fingerprint == before
    assert encoder.encode_images(pictures((60, 60))).shape == (1, 32)
    weights = folder / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-3] ^= 1
    weights.write_bytes(data)
    assert find_preset(str(folder)).fingerprint != before


def test_a_plain_qwen2_vl_folder_is_never_mean_pooled(checkpoints: Path, tmp_path: Path) -> None:
    encoder = load_encoder(str(checkpoints / "gme-qwen2-vl-2b"), tmp_path, "cpu")
    assert isinstance(encoder, SentenceEncoder)
    assert encoder.preset.loader == "gme"
    assert find_preset(str(checkpoints / "qwen3-vl-embedding-2b")).loader == "sentence-transformers"


def test_a_pickle_is_refused(folder: Path, tmp_path: Path) -> None:
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(EncoderError, match="execute arbitrary code"):
        load_encoder(str(folder), tmp_path, "cpu")


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.99])
def test_an_incomplete_download_is_detected(folder: Path, tmp_path: Path, fraction: float) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: max(8, int(fraction * weights.stat().st_size))])
    with pytest.raises(EncoderError, match="is incomplete"):
        load_encoder(str(folder), tmp_path, "cpu")


def test_a_missing_shard_is_detected(folder: Path, tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EncoderError, match="1 of 2 files are missing: model-00002"):
        load_encoder(str(folder), tmp_path, "cpu")


def test_a_missing_tokenizer_is_reported(folder: Path, tmp_path: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(EncoderError, match="no tokenizer"):
        load_encoder(str(folder), tmp_path, "cpu")


def test_an_unknown_model_type_is_reported(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "no-such-model"}')
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(str(folder), tmp_path, "cpu")


def test_remote_code_is_never_run(folder: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (folder / "custom_st.py").write_text(f"open({str(marker)!r}, 'w')\nclass Evil: pass\n")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "custom_st.Evil"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(EncoderError):
        load_encoder(str(folder), tmp_path, "cpu")
    assert not marker.exists()


def test_a_dimension_other_than_the_presets_is_refused(checkpoints: Path) -> None:
    with pytest.raises(EncoderError, match="has dimension 32, but clip has 512"):
        load_preset(small("clip", dimension=512), checkpoints, "cpu")


def test_a_missing_gpu_is_reported(checkpoints: Path) -> None:
    with pytest.raises(EncoderError, match="finds no GPU here"):
        load_preset(small("clip"), checkpoints, "cuda:7")


def test_too_little_memory_is_reported_before_loading(checkpoints: Path) -> None:
    with pytest.raises(EncoderError, match="needs about 15000 GB of memory"):
        load_preset(small("clip", memory_gb=10_000), checkpoints, "cpu")


def test_an_unreachable_hub_is_reported_with_the_download_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError) as caught:
        load_preset(find_preset("clip"), tmp_path, "cpu")
    command = (
        "hf download sentence-transformers/clip-ViT-B-32 --revision 327ab6726d33c0e22f920c83f2ff9e4bd38ca37f "
        f"--local-dir {tmp_path / 'clip'}"
    )
    assert command in str(caught.value)
    assert "TAGLOOP_ENCODER=builtin" in str(caught.value)
