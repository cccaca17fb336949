"""Batch embedding that isolates the images that fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from PIL import Image

from tagging_core.embeddings.encoders import Encoder, Vectors
from tagging_core.errors import TaggingError

K = TypeVar("K")


def encode_with_bisection(
    encoder: Encoder, images: dict[K, Image.Image], instruction: str = "", *, texts: Mapping[K, str] | None = None
) -> tuple[dict[K, Vectors], dict[K, str]]:
    """Embed images; bisect a batch that fails until the failing images are isolated.

    Args:
        images: Prepared images by key.
        instruction: Passed to the encoder.
        texts: Text of an image by key, fused into its vector if the model supports it.

    Returns:
        Unit vectors `(d,)` by key, and error messages by key for the images that failed.

    Raises:
        TaggingError: The encoder itself failed, not an image.
    """
    if not images:
        return {}, {}
    try:
        fused = [texts.get(key, "") for key in images] if texts else ()
        matrix = encoder.encode_images(list(images.values()), instruction, fused)
        if not np.isfinite(matrix).all():
            raise ValueError("the model returned NaN or infinity")
        return dict(zip(images, matrix, strict=True)), {}
    except TaggingError:
        raise
    except Exception as error:  # out of memory, a failing kernel: anything that one image can trigger
        if len(images) == 1:
            return {}, {next(iter(images)): f"The model could not embed the picture: {error}"}
        keys = list(images)
        halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        parts = [
            encode_with_bisection(encoder, {key: images[key] for key in half}, instruction, texts=texts)
            for half in halves
        ]
        return parts[0][0] | parts[1][0], parts[0][1] | parts[1][1]
