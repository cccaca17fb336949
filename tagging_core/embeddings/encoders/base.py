"""The one seam behind which every model lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tagging_core.embeddings.encoders.presets import Preset

Vectors = NDArray[np.float32]
"""Unit vectors, shape `(n, d)`, float32."""


class Encoder(Protocol):
    """Turns pictures and texts into unit vectors of one space; a dot product is their cosine in [-1, 1]."""

    preset: Preset

    @property
    def fingerprint(self) -> str:
        """Identifies model, revision, dimension and pixel limit; vectors of two fingerprints never meet."""

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""

    def prepare(self, image: Image.Image) -> Image.Image:
        """Shrink an upright RGB picture to what the network sees; thread-safe, for the decode pool."""

    def encode_images(
        self, images: Sequence[Image.Image], instruction: str = "", texts: Sequence[str] = ()
    ) -> Vectors:
        """Embed RGB pictures, prepared or not.

        Args:
            images: n pictures.
            instruction: What the vectors will be used for; empty means the model's usual one, and models that take
                none ignore it.
            texts: What came with each picture, or ""; models that cannot fuse it into the vector ignore it.

        Returns:
            `(n, d)` float32 unit vectors.
        """

    def encode_texts(self, texts: Sequence[str], instruction: str = "") -> Vectors:
        """Embed texts as `encode_images` does pictures; a text is never taken for an address or a path."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed texts for comparison with one another, `(n, k)`; the space may differ from that of pictures."""


def unit(vectors: NDArray) -> Vectors:
    """Scale the last axis to length 1; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)
