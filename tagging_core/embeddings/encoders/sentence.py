"""Any SentenceTransformer behind the seam."""

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
_BATCH = 32  # pictures of at most the preset's size
_BATCH_MOST = 128  # texts


class SentenceEncoder:
    """A SentenceTransformer on one device or several that embeds pictures and texts.

    Preprocessing runs in each caller's own thread, so that it is done while others compute; a device computes one
    batch at a time.

    Args:
        preset: Which model, and what belongs to it.
        models: The loaded model, once a device.

    Attributes:
        one_at_a_time: Whether callers wait for one another, as they should on one GPU.
    """

    one_at_a_time = True

    def __init__(self, preset: Preset, models: Sequence[SentenceTransformer]) -> None:
        self.preset = preset
        self.models = list(models)
        self._free: queue.SimpleQueue[SentenceTransformer] = queue.SimpleQueue()
        for model in self.models:
            self._free.put(model)
        self._batch = float(_BATCH)
        self.dimension = int(self.models[0].get_embedding_dimension() or preset.dimension)

    @property
    def fingerprint(self) -> str:
        """See `Encoder.fingerprint`."""
        return self.preset.fingerprint

    @property
    def devices(self) -> list[str]:
        """The devices it computes on, by torch's names."""
        return [str(model.device) for model in self.models]

    def prepare(self, image: Image.Image) -> Image.Image:
        """Shrink to at most the preset's pixel limit, keeping the shape."""
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
        """See `Encoder.encode_texts`; wrapped, since a bare string may be opened as an address or a path."""
        takes = self.preset.instructed in ("text", "both")
        return self._encode([{"text": text} for text in texts], (takes and instruction) or self.preset.query)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_passages`: a joint model compares texts in its one space."""
        return self.encode_texts(texts)

    def preprocess(self, inputs: list[dict[str, Any]], instruction: str = "") -> dict[str, Any]:
        """Pictures and texts as the network takes them, in memory that a GPU reads by itself.

        Args:
            inputs: Each with `image`, `text` or both; all with the same.
            instruction: As the network is to read it, the usual one included.
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
        """Places of inputs that go together: of the same kind, and nearly of one size, so that little is padded."""
        order = sorted(range(len(inputs)), key=lambda place: (sorted(inputs[place]), _size(inputs[place])))
        batch: list[int] = []
        for place in order:
            largest = max(1.0, _size(inputs[place]) / self.preset.max_pixels if "image" in inputs[place] else 0.0)
            most = self._batch if "image" in inputs[place] else _BATCH_MOST
            if batch and (len(batch) + 1 > most / largest or sorted(inputs[batch[0]]) != sorted(inputs[place])):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _embed(self, inputs: list[dict[str, Any]], instruction: str) -> Vectors:
        """One batch; where the device's memory is too small for it, its halves."""
        import torch

        features = self.preprocess(inputs, instruction)
        try:
            with self._device() as model, torch.inference_mode():
                output = model(_moved(features, model.device))["sentence_embedding"].float()
                found = output.to("cpu", non_blocking=True)
                done = torch.cuda.current_stream(model.device).record_event() if output.is_cuda else None
            if done is not None:
                done.synchronize()  # after the turn: the next batch is on its way to the device meanwhile
            return np.asarray(found.numpy(), dtype=np.float32)
        except torch.OutOfMemoryError as error:
            if len(inputs) == 1:
                raise EncoderError(
                    f"The memory of {', '.join(self.devices)} is too small for {self.preset.title}, even with one "
                    "picture at a time. End what else uses it, or choose a smaller model."
                ) from error
        torch.cuda.empty_cache()
        half = len(inputs) // 2
        self._batch = max(1.0, min(self._batch, half))
        _log.warning("out of memory with %d inputs: going on with %d at a time", len(inputs), half)
        return np.vstack([self._embed(part, instruction) for part in (inputs[:half], inputs[half:])])

    @contextlib.contextmanager
    def _device(self) -> Iterator[SentenceTransformer]:
        """The model on a device that nobody else uses meanwhile."""
        if not self.one_at_a_time:
            yield self.models[0]
            return
        model = self._free.get()
        try:
            yield model
        finally:
            self._free.put(model)


def _size(given: dict[str, Any]) -> float:
    """What decides how many tokens an input takes: pixels of a picture, length of a text."""
    image = given.get("image")
    return image.width * image.height if image is not None else len(given["text"])


def _moved(features: dict[str, Any], device: Any) -> dict[str, Any]:
    """The same on a device, copied while it still computes what came before."""
    return {
        key: value.to(device, non_blocking=True) if hasattr(value, "to") else value
        for key, value in features.items()
    }


class BuiltinEncoder(SentenceEncoder):
    """The built-in model, whose network sees a fixed middle square; runs in each caller's own thread."""

    one_at_a_time = False

    def __init__(self, preset: Preset, folder: Path) -> None:
        from tagging_core.embeddings.encoders import builtin

        super().__init__(preset, [builtin.BuiltinModel(folder)])
        self._prepare = builtin.prepare

    def prepare(self, image: Image.Image) -> Image.Image:
        """The middle square at 224 x 224 pixels."""
        return self._prepare(image)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """`(n, 384)`: the text network alone, which knows far more words than there are ImageNet classes."""
        module: Any = self.models[0][0]
        return module.sentence_vectors(list(texts))
