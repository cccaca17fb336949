"""Encoders: embed images and texts as unit vectors of one shared space."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from tagging_core.embeddings.encoders.base import Encoder, Vectors, unit
from tagging_core.embeddings.encoders.class_names import class_names
from tagging_core.embeddings.encoders.presets import LearnerDefaults, Preset, find_preset, presets

__all__ = [
    "Encoder",
    "LearnerDefaults",
    "Preset",
    "Vectors",
    "class_names",
    "default_mean",
    "find_preset",
    "load_encoder",
    "load_preset",
    "presets",
    "unit",
]


def load_encoder(name: str, models_dir: Path, devices: str = "", *, compiled: bool = False) -> Encoder:
    """Load an encoder; slow, and the first call imports torch.

    Args:
        name: Preset name, local folder or hub id.
        models_dir: Folder with downloaded model files and derived ones, such as the ONNX export.
        devices: Comma-separated torch devices; empty: all GPUs, or the CPU if there is none.
        compiled: Whether to compile the model with torch.compile.

    Returns:
        The encoder, ready for use, with one copy of the model per device.

    Raises:
        EncoderError: The name is unknown, the model or a device is not available, or there is not enough memory.
    """
    return load_preset(find_preset(name), models_dir, devices, compiled=compiled)


def load_preset(preset: Preset, models_dir: Path, devices: str = "", *, compiled: bool = False) -> Encoder:
    """Load the encoder of a preset; slow, and the first call imports torch.

    Args:
        preset: The model; `find_preset` makes one for a local folder or hub id.
        models_dir: Folder with downloaded model files and derived ones, such as the ONNX export.
        devices: Comma-separated torch devices; empty: all GPUs, or the CPU if there is none. The built-in model
            always runs on the CPU.
        compiled: Whether to compile the model with torch.compile.

    Returns:
        The encoder, ready for use, with one copy of the model per device.

    Raises:
        EncoderError: The model or a device is not available, or there is not enough memory.
    """
    if preset.loader == "tiny":
        from tagging_core.embeddings.encoders.tiny import TinyEncoder

        return TinyEncoder(preset)
    from tagging_core.embeddings.encoders.sentence import BuiltinEncoder, SentenceEncoder

    if preset.loader == "builtin":
        return BuiltinEncoder(preset, models_dir)
    from tagging_core.embeddings.encoders.devices import select
    from tagging_core.embeddings.encoders.loading import load_model

    return SentenceEncoder(preset, [load_model(preset, models_dir, d, compiled=compiled) for d in select(devices)])


def default_mean(preset: Preset, dimension: int) -> Vectors:
    """Return the mean image vector with which to centre others until a gallery has been measured.

    Args:
        preset: The model.
        dimension: d, the dimension of its vectors.

    Returns:
        `(d,)` float32, not normalized: for the built-in encoder the mean of 704 photos, measured by
        `benchmarks.reference`; zeros for other models.
    """
    if preset.loader != "builtin":
        return np.zeros(dimension, dtype=np.float32)
    path = resources.files(__package__).joinpath("builtin_reference.npz")
    with resources.as_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        return np.asarray(arrays["mean"], np.float32)
