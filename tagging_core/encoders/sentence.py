"""Any SentenceTransformer behind the seam."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tagging_core.encoders.base import Vectors, unit
from tagging_core.encoders.presets import Preset
from tagging_core.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BATCH = 32


class SentenceEncoder:
    """A loaded SentenceTransformer that embeds pictures and texts.

    Args:
        preset: Which model, and what belongs to it.
        model: The loaded model.

    Attributes:
        one_at_a_time: Whether callers wait for one another, as they should on one GPU.
    """

    one_at_a_time = True

    def __init__(self, preset: Preset, model: SentenceTransformer) -> None:
        self.preset = preset
        self.model = model
        self._turn = threading.Lock()
        self.dimension = int(model.get_embedding_dimension() or preset.dimension)

    @property
    def fingerprint(self) -> str:
        """See `Encoder.fingerprint`."""
        return self.preset.fingerprint

    def prepare(self, image: Image.Image) -> Image.Image:
        """Shrink to at most the preset's pixel limit, keeping the shape."""
        scale = math.sqrt(self.preset.max_pixels / (image.width * image.height))
        if scale >= 1:
            return image
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)

    def encode_images(self, images: Sequence[Image.Image], instruction: str = "") -> Vectors:
        """See `Encoder.encode_images`."""
        return self._encode([{"image": image} for image in images], instruction)

    def encode_texts(self, texts: Sequence[str], instruction: str = "") -> Vectors:
        """See `Encoder.encode_texts`; wrapped, since a bare string may be opened as an address or a path."""
        return self._encode([{"text": text} for text in texts], instruction)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_passages`: a joint model compares texts in its one space."""
        return self.encode_texts(texts)

    def _encode(self, inputs: list[dict[str, Any]], instruction: str) -> Vectors:
        if not inputs:
            return np.zeros((0, self.dimension), dtype=np.float32)
        options: dict[str, Any] = {"batch_size": _BATCH, "convert_to_numpy": True, "show_progress_bar": False}
        with self._turn if self.one_at_a_time else contextlib.nullcontext():
            return unit(np.asarray(self.model.encode(inputs, prompt=instruction or None, **options)))


class BuiltinEncoder(SentenceEncoder):
    """The built-in model, whose network sees a fixed middle square; runs in each caller's own thread."""

    one_at_a_time = False

    def __init__(self, preset: Preset, folder: Path) -> None:
        from tagging_core.encoders import builtin

        super().__init__(preset, builtin.BuiltinModel(folder))
        self._prepare = builtin.prepare

    def prepare(self, image: Image.Image) -> Image.Image:
        """The middle square at 224 x 224 pixels."""
        return self._prepare(image)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """`(n, 384)`: the text network alone, which knows far more words than there are ImageNet classes."""
        module: Any = self.model[0]
        return module.sentence_vectors(list(texts))


def load_sentence_encoder(preset: Preset) -> SentenceEncoder:
    """Load a model from a local folder or the hub; weights are safetensors and remote code never runs.

    Raises:
        EncoderError: The weights are not there or cannot be read.
    """
    from sentence_transformers import SentenceTransformer

    options: dict[str, Any] = {"trust_remote_code": False, "model_kwargs": {"use_safetensors": True}}
    if not os.path.isdir(preset.model):
        options["revision"] = preset.revision
    try:
        model = SentenceTransformer(preset.model, **options)
    except (OSError, ValueError, ImportError) as error:
        raise EncoderError(
            f"The model {preset.model!r} cannot be loaded: {str(error).splitlines()[0]} Put its files into a "
            "local folder and set TAGLOOP_ENCODER to that folder, or use TAGLOOP_ENCODER=builtin."
        ) from error
    return SentenceEncoder(preset, model)
