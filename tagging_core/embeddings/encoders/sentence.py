"""Encoders based on SentenceTransformer."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tagging_core.embeddings.encoders import qwen
from tagging_core.embeddings.encoders.base import Vectors, unit
from tagging_core.embeddings.encoders.presets import Preset
from tagging_core.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_log = logging.getLogger(__name__)
_IMAGE_BATCH = 32  # images of the preset's maximum size
_TEXT_BATCH = 128


class SentenceEncoder:
    """Embeds images and texts with a SentenceTransformer on one or more devices; thread-safe.

    Preprocessing runs in the caller's thread and overlaps with other callers' batches; a device computes one batch
    at a time.

    Args:
        preset: Preset of the model.
        models: The loaded model, once per device.

    Attributes:
        one_at_a_time: Whether calls are serialized per device, as they should be on a GPU.
    """

    one_at_a_time = True

    def __init__(self, preset: Preset, models: Sequence[SentenceTransformer]) -> None:
        self.preset = preset
        self.models = list(models)
        self._free: queue.SimpleQueue[SentenceTransformer] = queue.SimpleQueue()
        for model in self.models:
            self._free.put(model)
        self._batch = float(_IMAGE_BATCH)
        self.dimension = int(self.models[0].get_embedding_dimension() or preset.dimension)

    @property
    def fingerprint(self) -> str:
        """See `Encoder.fingerprint`."""
        return self.preset.fingerprint

    @property
    def devices(self) -> list[str]:
        """torch devices in use."""
        return [str(model.device) for model in self.models]

    def prepare(self, image: Image.Image) -> Image.Image:
        """Shrink to the preset's pixel limit, keeping the aspect ratio."""
        scale = math.sqrt(self.preset.max_pixels / (image.width * image.height))
        if scale >= 1:
            return image
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)

    def encode_images(
        self, images: Sequence[Image.Image], instruction: str = "", texts: Sequence[str] = ()
    ) -> Vectors:
        """See `Encoder.encode_images`."""
        inputs: list[dict[str, Any]] = [{"image": image} for image in images]
        if texts and self.preset.fuses:
            inputs = [i | ({"text": text} if text else {}) for i, text in zip(inputs, texts, strict=True)]
        takes = self.preset.instructed in ("image", "both")
        return self._encode(inputs, (takes and instruction) or self.preset.document)

    def encode_texts(self, texts: Sequence[str], instruction: str = "") -> Vectors:
        """See `Encoder.encode_texts`; wrapped, since a bare string could be opened as a URL or path."""
        takes = self.preset.instructed in ("text", "both")
        return self._encode([{"text": text} for text in texts], (takes and instruction) or self.preset.query)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_passages`; a joint model has one space for both."""
        return self.encode_texts(texts)

    def preprocess(self, inputs: list[dict[str, Any]], instruction: str = "") -> dict[str, Any]:
        """Convert inputs to the network's features, in pinned memory for a GPU.

        Args:
            inputs: Each with `image`, `text` or both; all with the same keys.
            instruction: The effective instruction, that is, the default one if no other is set.
        """
        model = self.models[0]
        features = dict(model.preprocess(inputs, prompt=instruction or None))
        qwen.add_positions(model[0], features)
        if model.device.type == "cpu":
            return features
        return {k: value.pin_memory() if hasattr(value, "pin_memory") else value for k, value in features.items()}

    def _encode(self, inputs: list[dict[str, Any]], instruction: str) -> Vectors:
        found = np.zeros((len(inputs), self.dimension), dtype=np.float32)
        for places in self._batches(inputs):
            found[places] = self._embed([inputs[place] for place in places], instruction)
        return unit(found)

    def _batches(self, inputs: list[dict[str, Any]]) -> Iterator[list[int]]:
        """Yield indices of batches of the same input type and similar size, to minimize padding."""
        order = sorted(range(len(inputs)), key=lambda place: (sorted(inputs[place]), _size(inputs[place])))
        batch: list[int] = []
        for place in order:
            scale = max(1.0, _size(inputs[place]) / self.preset.max_pixels if "image" in inputs[place] else 0.0)
            limit = self._batch if "image" in inputs[place] else _TEXT_BATCH
            if batch and (len(batch) + 1 > limit / scale or sorted(inputs[batch[0]]) != sorted(inputs[place])):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _embed(self, inputs: list[dict[str, Any]], instruction: str) -> Vectors:
        """Embed one batch; if the device runs out of memory, halve it."""
        import torch

        features = self.preprocess(inputs, instruction)
        try:
            with self._device() as model, torch.inference_mode():
                output = model(_to_device(features, model.device))["sentence_embedding"].float()
                found = output.to("cpu", non_blocking=True)
                done = torch.cuda.current_stream(model.device).record_event() if output.is_cuda else None
            if done is not None:
                done.synchronize()  # after releasing the device, to overlap with the next batch
            return np.asarray(found.numpy(), dtype=np.float32)
        except torch.OutOfMemoryError as error:
            if len(inputs) == 1:
                raise EncoderError(
                    f"The memory of {', '.join(self.devices)} is too small for {self.preset.title}, even with one "
                    "picture at a time. Stop other programs that use it, or choose a smaller model."
                ) from error
        torch.cuda.empty_cache()
        half = len(inputs) // 2
        self._batch = max(1.0, min(self._batch, half))
        _log.warning("out of memory with a batch of %d, reducing the batch size to %d", len(inputs), half)
        return np.vstack([self._embed(part, instruction) for part in (inputs[:half], inputs[half:])])

    @contextlib.contextmanager
    def _device(self) -> Iterator[SentenceTransformer]:
        """Acquire a free device and yield its model."""
        if not self.one_at_a_time:
            yield self.models[0]
            return
        model = self._free.get()
        try:
            yield model
        finally:
            self._free.put(model)


def _size(item: dict[str, Any]) -> float:
    """Proxy for the number of tokens: pixels of an image, length of a text."""
    image = item.get("image")
    return image.width * image.height if image is not None else len(item["text"])


def _to_device(features: dict[str, Any], device: Any) -> dict[str, Any]:
    """Copy features to a device, without waiting for its current computation."""
    return {
        key: value.to(device, non_blocking=True) if hasattr(value, "to") else value
        for key, value in features.items()
    }


class BuiltinEncoder(SentenceEncoder):
    """The built-in encoder; crops a fixed centre square and runs in the caller's thread."""

    one_at_a_time = False

    def __init__(self, preset: Preset, folder: Path) -> None:
        from tagging_core.embeddings.encoders import builtin

        super().__init__(preset, [builtin.BuiltinModel(folder)])
        self._prepare = builtin.prepare

    def prepare(self, image: Image.Image) -> Image.Image:
        """Crop the centre square at 224 x 224 pixels."""
        return self._prepare(image)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Return `(n, 384)` vectors of the text network alone, whose vocabulary exceeds the ImageNet classes."""
        module: Any = self.models[0][0]
        return np.asarray(module.sentence_vectors(list(texts)), np.float32)
