"""The encoders loaded in this process."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

from tagging_core.embeddings.encoders import load_preset
from tagging_core.embeddings.encoders.base import Encoder
from tagging_core.embeddings.encoders.presets import Preset, find_preset


class EncoderRegistry:
    """Loads encoders on first use, caches and unloads them.

    Args:
        models_dir: Folder with model files.
        devices: See `load_encoder`.
        compiled: Whether to compile models with torch.compile.
    """

    def __init__(self, models_dir: Path, devices: str = "", compiled: bool = False) -> None:
        self._models_dir, self._devices, self._compiled = models_dir, devices, compiled
        self._loaded: dict[str, Encoder] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._locks_guard = threading.Lock()

    def register(self, encoder: Encoder) -> None:
        """Add an encoder that is already loaded."""
        self._loaded[encoder.fingerprint] = encoder

    def preset(self, name: str) -> Preset:
        """Return the preset of a model name, folder or hub id.

        Raises:
            EncoderError: The name is unknown.
        """
        loaded = (encoder.preset for encoder in self._loaded.values() if encoder.preset.name == name)
        return next(loaded, None) or find_preset(name)

    def get(self, preset: Preset) -> Encoder:
        """Return the encoder of a preset; the first call loads it, which is slow.

        Concurrent calls load a model once, and different models in parallel.

        Raises:
            EncoderError: The model cannot be loaded.
        """
        with self._locks_guard:
            lock = self._locks.setdefault(preset.fingerprint, threading.Lock())
        with lock:
            if preset.fingerprint not in self._loaded:
                loaded = load_preset(preset, self._models_dir, self._devices, compiled=self._compiled)
                self._loaded[preset.fingerprint] = loaded
            return self._loaded[preset.fingerprint]

    def loaded(self) -> list[Encoder]:
        """Return the loaded encoders."""
        return list(self._loaded.values())

    def unload(self, fingerprint: str) -> None:
        """Free an encoder's memory; the next `get` loads it again."""
        if self._loaded.pop(fingerprint, None) is not None:
            gc.collect()
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()
