"""Embedding a batch so that one picture that fails does not fail the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from PIL import Image

from tagging_core.embeddings.encoders import Encoder, Vectors
from tagging_core.errors import TaggingError

K = TypeVar("K")


def encode_with_bisection(
    encoder: Encoder, images: dict[K, Image.Image], instruction: str = "", texts: Mapping[K, str] | None = None
) -> tuple[dict[K, Vectors], dict[K, str]]:
    """Embed pictures; where a batch fails, its halves, down to the single pictures that do.

    Args:
        images: Prepared pictures by any key.
        texts: What came with them, to be fused where the model can.

    Returns:
        Vectors `(d,)` by key, and by key why the encoder could not take a picture.
    """
    if not images:
        return {}, {}
    try:
        spoken = [texts.get(key, "") for key in images] if texts else ()
        matrix = encoder.encode_images(list(images.values()), instruction, spoken)
        if not np.isfinite(matrix).all():
            raise ValueError("the model returned numbers that are not finite")
        return dict(zip(images, matrix, strict=True)), {}
    except TaggingError:
        raise
    except Exception as error:  # out of memory, a kernel that fails: whatever one picture may set off
        if len(images) == 1:
            return {}, {next(iter(images)): f"The model could not read the picture: {error}"}
        keys = list(images)
        halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        parts = [
            encode_with_bisection(encoder, {key: images[key] for key in half}, instruction, texts)
            for half in halves
        ]
        return parts[0][0] | parts[1][0], parts[0][1] | parts[1][1]
