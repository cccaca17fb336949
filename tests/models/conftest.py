"""Checkpoints of every architecture, created once per run."""

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
    """A folder with one model per preset, where Tagloop looks for manually downloaded files."""
    folder = tmp_path_factory.mktemp("models")
    for name, make in MAKERS.items():
        make(folder / name)
    return folder


@pytest.fixture(scope="session")
def load(checkpoints: Path) -> Callable[..., SentenceEncoder]:
    """Return a function that loads the tiny checkpoint of a preset with the settings of the preset."""

    def loaded(name: str, devices: str = "cpu", **changes: object) -> SentenceEncoder:
        encoder = load_preset(small(name, **changes), checkpoints, devices)
        assert isinstance(encoder, SentenceEncoder)
        return encoder

    return loaded


def small(name: str, **changes: object) -> Preset:
    """Return a preset that fits its tiny checkpoint: fewer dimensions, less memory."""
    preset = find_preset(name)
    return replace(preset, **{"dimension": DIMENSIONS[name], "memory_gb": 0.1, **changes})  # type: ignore[arg-type]


def pictures(*sizes: tuple[int, int]) -> list[Image.Image]:
    """Return noise pictures of the given sizes, with a fixed seed."""
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
