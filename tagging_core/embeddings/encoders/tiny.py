"""A deterministic encoder for tests, from the colours of images and the words of texts; needs no model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tagging_core.embeddings.encoders.base import Vectors, unit
from tagging_core.embeddings.encoders.presets import Preset

_COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 170, 50),
    "blue": (40, 70, 220),
    "yellow": (240, 220, 40),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}


class TinyEncoder:
    """Vectors of 64 values: a 4 x 4 grid of mean colours relative to grey, then 16 hashed words.

    A text that names a colour is close to a plain image of that colour.
    """

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.dimension = preset.dimension

    @property
    def fingerprint(self) -> str:
        """See `Encoder.fingerprint`."""
        return self.preset.fingerprint

    def prepare(self, image: Image.Image) -> Image.Image:
        """Shrink to 4 x 4 pixels."""
        return image.resize((4, 4), Image.Resampling.BOX)

    def encode_images(
        self, images: Sequence[Image.Image], instruction: str = "", texts: Sequence[str] = ()
    ) -> Vectors:
        """See `Encoder.encode_images`."""
        grids = np.stack([np.asarray(self.prepare(i.convert("RGB")), dtype=np.float32) for i in images])
        colours = grids.reshape(len(images), 48) / 255.0 - 0.5
        return unit(np.hstack([colours, np.full((len(images), 16), 0.01)]))

    def encode_texts(self, texts: Sequence[str], instruction: str = "") -> Vectors:
        """See `Encoder.encode_texts`."""
        return unit(np.stack([self._text(text) for text in texts]))

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode_passages`."""
        return self.encode_texts(texts)

    def _text(self, text: str) -> np.ndarray:
        vector = np.zeros(self.dimension)
        for word in text.lower().replace(",", " ").split():
            if word in _COLOURS:
                vector[:48] += np.tile(np.array(_COLOURS[word]) / 255.0 - 0.5, 16)
            else:
                vector[48 + hashlib.sha256(word.encode()).digest()[0] % 16] += 0.2
        return vector
