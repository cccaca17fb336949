"""Convert a decoded picture of any mode to 8-bit sRGB on white."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SRGB, _LAB = (ImageCms.ImageCmsProfile(ImageCms.createProfile(space)) for space in ("sRGB", "LAB"))
_BITS, _WHITE_IS_ZERO, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_SAMPLES = 1_000_000  # values that are looked at to tell the range

# White, and the highest value with which it is believed. Floating-point samples are 0 to 1 by convention,
# with highlights above it; 32 bits often hold what had 8 or 16 before, and resampling exceeds 255 a little.
_FLOAT_RANGES = ((1.0, np.inf), (255.0, 510.0), (65535.0, np.inf))
_INTEGER_RANGES = ((255.0, 255.0), (65535.0, np.inf))

Pixels = NDArray[Any]
Ranges = tuple[tuple[float, float], ...]


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a picture to 8-bit sRGB.

    Args:
        image: A loaded picture in any of Pillow's modes. Samples of more than 8 bits are scaled by the range of
            their type, never by the largest value, so that a dark picture stays dark.

    Returns:
        The picture in mode RGB, with transparent areas on white. A colour profile that cannot be read is ignored.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bit(image)
    if image.mode in ("PA", "LA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = _on_white(image)
    flat = _convert(image)
    flat.info = {}  # or a comment would come along into renditions
    return flat


def _convert(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("RGB")
    if profile:
        # Invalid profiles are common and harmless.
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            return _apply(ImageCms.ImageCmsProfile(io.BytesIO(profile)), image)
    if image.mode == "LAB":
        return _apply(_LAB, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _apply(profile: ImageCms.ImageCmsProfile, image: Image.Image) -> Image.Image:
    return cast("Image.Image", ImageCms.profileToProfile(image, profile, _SRGB, outputMode="RGB"))


def _to_8_bit(image: Image.Image) -> Image.Image:
    tags = getattr(image, "tag_v2", {})
    values = np.asarray(image)
    levels = _scale(values, _FLOAT_RANGES) if image.mode == "F" else _scale_integers(values, tags)
    grey = Image.fromarray(255 - levels if tags.get(_WHITE_IS_ZERO) == 0 else levels)
    if "transparency" in image.info:  # one grey value, of 16 bits
        grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
    grey.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return grey


def _scale_integers(values: Pixels, tags: Mapping[int, Any]) -> Pixels:
    """Scale by the range of the type; of signed types, zero is black, and so is what lies below it."""
    bits, unsigned = tags.get(_BITS, (16,))[0], tags.get(_SAMPLE_FORMAT, (1,)) == (1,)
    sign = 0 if unsigned else 1
    if bits == 32:
        full = 2.0 ** (bits - sign) - 1
        return _scale(values.view(np.uint32) if unsigned else values, (*_INTEGER_RANGES, (full, full)))
    levels: Pixels = np.maximum(values, 0) >> (bits - 8 - sign)
    return levels.astype(np.uint8)


def _scale(values: Pixels, ranges: Ranges) -> Pixels:
    """Scale to 0 to 255; below the range and what is no number becomes black, above it white."""
    top = _white_level(values, ranges)
    scaled = np.nan_to_num(values.astype(np.float32), copy=False, nan=0, posinf=top, neginf=0)
    return (np.clip(scaled, 0, top, out=scaled) * np.float32(255 / top)).astype(np.uint8)


def _white_level(values: Pixels, ranges: Ranges) -> float:
    """Return the smallest range in which the typical value lies: highlights may exceed it, shadows be far below."""
    some = values.ravel()[:: max(1, values.size // _SAMPLES)]
    some = some[np.isfinite(some) & (some > 0)]
    if some.size == 0:
        return 1.0
    typical, highest = np.median(some), some.max()
    return next((top for top, limit in ranges if typical <= top and highest <= limit), ranges[-1][0])


def _on_white(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    coloured = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    white = Image.new("RGBA", coloured.size, (255, 255, 255, 255))
    flat = Image.alpha_composite(white, coloured).convert("RGB")
    if profile:
        flat.info["icc_profile"] = profile
    return flat
