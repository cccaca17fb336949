"""Colour and brightness features, which a network trained on object classes does not capture."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WORDS = (
    *("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey"),
    *("bright", "dark", "warm colours", "cool colours", "colourful"),
)
"""One name per feature: the eleven basic colour terms (Berlin and Kay 1969), then brightness and temperature."""

_PROTOTYPES = np.array(
    [
        *((200, 25, 30), (240, 130, 20), (245, 220, 50), (50, 150, 60), (40, 90, 200), (120, 50, 160)),
        *((245, 150, 185), (110, 70, 40), (15, 15, 15), (250, 250, 250), (128, 128, 128)),
    ],
    dtype=np.float32,
)
_SIDE = 32


def colour_profile(image: Image.Image) -> NDArray[np.float32]:
    """Return the share of each basic colour, brightness, darkness, warm and cool share, and mean saturation.

    Pixels near the centre weigh more than those at the border, which is often background.

    Args:
        image: RGB image of any size.

    Returns:
        `(16,)` float32 in [0, 1], in the order of `WORDS`.
    """
    pixels = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float32).reshape(-1, 3)
    weights = _centre_weights()
    nearest = (_OFFSETS - pixels @ _DIRECTIONS).argmin(1)
    shares = np.bincount(nearest, weights=weights, minlength=len(_PROTOTYPES))
    light = float(weights @ (pixels @ _LUMA)) / 255.0
    saturation = (pixels.max(1) - pixels.min(1)) / 255.0
    tilt = (pixels[:, 0] - pixels[:, 2]) / 255.0
    warm, cool = float(weights @ np.maximum(tilt, 0)), float(weights @ np.maximum(-tilt, 0))
    return np.array([*shares, light, 1 - light, warm, cool, float(weights @ saturation)], dtype=np.float32)


_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_RGB_WEIGHTS = np.array([2.0, 4.0, 3.0], dtype=np.float32)  # "redmean" weights: the eye is most sensitive to green
# |p - q|^2 as one product, without |p|^2, which is the same for all prototypes q
_DIRECTIONS = 2 * (_PROTOTYPES * _RGB_WEIGHTS).T
_OFFSETS = (_PROTOTYPES**2 * _RGB_WEIGHTS).sum(1)


@cache
def _centre_weights() -> NDArray[np.float32]:
    axis = np.linspace(-1, 1, _SIDE)
    weights = np.exp(-(axis[:, None] ** 2 + axis**2)).reshape(-1)
    return np.asarray(weights / weights.sum(), np.float32)
