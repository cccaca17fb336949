"""The models that this process has loaded, each once."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

from tagging_core.embeddings.encoders import load_preset
from tagging_core.embeddings.encoders.base import Encoder
from tagging_core.embeddings.encoders.presets import Preset, find_preset


class EncoderRegistry:
    """Loads models at first need and lets go of them.

    Args:
        models_dir: Where model files are kept.
        devices: What to run on; see `load_encoder`.
        compiled: Whether torch compiles models.
    """

    def __init__(self, models_dir: Path, devices: str = "", compiled: bool = False) -> None:
        self._models_dir, self._devices, self._compiled = models_dir, devices, compiled
        self._loaded: dict[str, Encoder] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._opening = threading.Lock()

    def register(self, encoder: Encoder) -> None:
        """Add a model that is loaded already."""
        self._loaded[encoder.fingerprint] = encoder

    def preset(self, name: str) -> Preset:
        """What a name stands for.

        Raises:
            EncoderError: There is no such model.
        """
        loaded = (encoder.preset for encoder in self._loaded.values() if encoder.preset.name == name)
        return next(loaded, None) or find_preset(name)

    def get(self, preset: Preset) -> Encoder:
        """A model, loaded at the first call; slow then. Two are loaded side by side, one only once.

        Raises:
            EncoderError: It cannot be loaded.
        """
        with self._opening:
            lock = self._locks.setdefault(preset.fingerprint, threading.Lock())
        with lock:
            if preset.fingerprint not in self._loaded:
                loaded = load_preset(preset, self._models_dir, self._devices, self._compiled)
                self._loaded[preset.fingerprint] = loaded
            return self._loaded[preset.fingerprint]

    def loaded(self) -> list[Encoder]:
        """Those that are loaded now."""
        return list(self._loaded.values())

    def unload(self, fingerprint: str) -> None:
        """Free the memory of one that is no longer needed; it is loaded again if it is."""
        if self._loaded.pop(fingerprint, None) is not None:
            gc.collect()
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()
