"""Checkpoints of every architecture, made once a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagging_core.embeddings.encoders import Preset, find_preset, load_preset
from tagging_core.embeddings.encoders.sentence import SentenceEncoder
from tests.models.checkpoints import DIMENSIONS, MAKERS


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model a preset, where Tagloop looks for files that were put there by hand."""
    folder = tmp_path_factory.mktemp("models")
    for name, make in MAKERS.items():
        make(folder / name)
    return folder


@pytest.fixture(scope="session")
def load(checkpoints: Path) -> Callable[..., SentenceEncoder]:
    """Load a preset's tiny checkpoint by the preset's own settings."""

    def loaded(name: str, devices: str = "cpu", **changes: object) -> SentenceEncoder:
        encoder = load_preset(small(name, **changes), checkpoints, devices)
        assert isinstance(encoder, SentenceEncoder)
        return encoder

    return loaded


def small(name: str, **changes: object) -> Preset:
    """A preset as the tiny checkpoint is: fewer dimensions, fewer pixels, less memory."""
    preset = find_preset(name)
    return replace(preset, **{"dimension": DIMENSIONS[name], "memory_gb": 0.1, **changes})  # type: ignore[arg-type]


def pictures(*sizes: tuple[int, int]) -> list[Image.Image]:
    """Noise of given sizes, always the same."""
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
