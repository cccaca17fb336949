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
        """Add an encoder that is already loaded.

        Args:
            encoder: Replaces the loaded encoder of the same fingerprint, if any.
        """
        self._loaded[encoder.fingerprint] = encoder

    def preset(self, name: str) -> Preset:
        """Return the preset of a model without loading it.

        Args:
            name: Preset name, local folder or hub id of the form `owner/name`.

        Returns:
            The preset of the loaded encoder of this name; otherwise that of `find_preset`.

        Raises:
            EncoderError: The name is unknown.
        """
        loaded = (encoder.preset for encoder in self._loaded.values() if encoder.preset.name == name)
        return next(loaded, None) or find_preset(name)

    def get(self, preset: Preset) -> Encoder:
        """Return the encoder of a preset; the first call loads it, which is slow.

        Concurrent calls load a model once, and different models in parallel.

        Args:
            preset: The model.

        Returns:
            The loaded encoder; the same object until `unload`.

        Raises:
            EncoderError: The model or a device is not available, or there is not enough memory.
        """
        with self._locks_guard:
            lock = self._locks.setdefault(preset.fingerprint, threading.Lock())
        with lock:
            if preset.fingerprint not in self._loaded:
                loaded = load_preset(preset, self._models_dir, self._devices, compiled=self._compiled)
                self._loaded[preset.fingerprint] = loaded
            return self._loaded[preset.fingerprint]

    def loaded(self) -> list[Encoder]:
        """List the encoders in memory.

        Returns:
            The encoders, in the order in which they were loaded.
        """
        return list(self._loaded.values())

    def unload(self, fingerprint: str) -> None:
        """Free an encoder's memory; the next `get` loads it again.

        Args:
            fingerprint: Fingerprint of the encoder; a no-op if it is not loaded.
        """
        if self._loaded.pop(fingerprint, None) is not None:
            gc.collect()
            import torch

            if torch.cuda.is_available():
                torch.cuda.empty_cache()
