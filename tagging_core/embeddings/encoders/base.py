"""The interface of all encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tagging_core.embeddings.encoders.presets import Preset

Vectors = NDArray[np.float32]
"""float32 unit vectors, `(n, d)` unless stated otherwise."""


class Encoder(Protocol):
    """Embeds images and texts as unit vectors of one space; their dot product is the cosine, in [-1, 1]."""

    preset: Preset

    @property
    def fingerprint(self) -> str:
        """Identifies model, revision, dimension and pixel limit; only vectors of one fingerprint are comparable."""

    @property
    def dimension(self) -> int:
        """Dimension d of the vectors."""

    def prepare(self, image: Image.Image) -> Image.Image:
        """Resize an image for the network; thread-safe, called in the decode pool.

        Args:
            image: An upright RGB image of any size.

        Returns:
            The image at the network's input size; possibly the same object.
        """

    def encode_images(
        self, images: Sequence[Image.Image], instruction: str = "", texts: Sequence[str] = ()
    ) -> Vectors:
        """Embed RGB images, prepared or not.

        Args:
            images: n images.
            instruction: Describes the task; empty: the model's default. Ignored by models without instructions.
            texts: n texts to fuse into the vectors, "" for none; ignored by models that cannot fuse.

        Returns:
            `(n, d)` float32 unit vectors.

        Raises:
            EncoderError: The device's memory is too small even for a single image.
        """

    def encode_texts(self, texts: Sequence[str], instruction: str = "") -> Vectors:
        """Embed texts in the space of the images.

        Args:
            texts: n texts; URLs and paths are treated as plain text.
            instruction: Describes the task; empty: the model's default. Ignored by models without instructions.

        Returns:
            `(n, d)` float32 unit vectors.

        Raises:
            EncoderError: The device's memory is too small even for a single text.
        """

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed texts for comparison with each other; the space may differ from the images'.

        Args:
            texts: n texts; URLs and paths are treated as plain text.

        Returns:
            `(n, k)` float32 unit vectors; comparable only with other passages, since k may differ from d.

        Raises:
            EncoderError: The device's memory is too small even for a single text.
        """


def unit(vectors: NDArray[Any]) -> Vectors:
    """Normalize vectors to length 1.

    Args:
        vectors: `(..., d)`, of any numeric dtype.

    Returns:
        float32 of the same shape, with length 1 along the last axis; zero vectors stay zero.
    """
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)
