"""Convert a decoded picture of any mode to 8-bit sRGB on white."""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_SRGB, _LAB = (ImageCms.ImageCmsProfile(ImageCms.createProfile(space)) for space in ("sRGB", "LAB"))
_BITS, _WHITE_IS_ZERO, _SAMPLE_FORMAT = 258, 262, 339  # TIFF tags
_SAMPLED = 1000  # rows and columns that are looked at to tell the range
_PART = 512  # rows and columns that are converted at once

# White, and the highest value with which it is believed. Floating-point samples are 0 to 1 by convention,
# with highlights above it; 32 bits often hold what had 8 or 16 before, and resampling exceeds 255 a little.
_FLOAT_RANGES = ((1.0, np.inf), (255.0, 510.0), (65535.0, np.inf))
_INTEGER_RANGES = ((255.0, 255.0), (65535.0, np.inf))

Pixels = NDArray[Any]
Ranges = tuple[tuple[float, float], ...]


def to_srgb(image: Image.Image, factor: int = 1) -> Image.Image:
    """Convert a picture to 8-bit sRGB, one part of it after the other.

    Args:
        image: A loaded picture in any of Pillow's modes. Samples of more than 8 bits are scaled by the range of
            their type, never by the largest value, so that a dark picture stays dark.
        factor: By how much it is shrunk, at least 1.

    Returns:
        The picture in mode RGB, with transparent areas on white. A colour profile that cannot be read is ignored.
    """
    convert = _Converter(image)
    flat = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for box in _parts(image.size, factor):
        part = convert(image.crop(box))
        flat.paste(part.reduce(factor) if factor > 1 else part, (box[0] // factor, box[1] // factor))
    return flat


def _parts(size: tuple[int, int], factor: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes that cover a picture, with sides that `factor` divides except at the edges."""
    side = max(1, _PART // factor) * factor
    width, height = size
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        yield left, top, min(left + side, width), min(top + side, height)


class _Converter:
    """Converts parts of a picture, all with the same scale and colour profile."""

    def __init__(self, image: Image.Image) -> None:
        self._tags = getattr(image, "tag_v2", {})
        self._white = _white_of(image, self._tags)
        self._transform = functools.cache(functools.partial(_transform, image.info.get("icc_profile")))

    def __call__(self, part: Image.Image) -> Image.Image:
        if part.mode.startswith("I") or part.mode == "F":
            part = self._to_8_bit(part)
        if part.mode in ("PA", "LA", "La", "RGBA", "RGBa") or "transparency" in part.info:
            part = _on_white(part)
        if part.mode not in ("RGB", "L", "CMYK", "LAB"):
            part = part.convert("RGB")
        if (transform := self._transform(part.mode)) is not None:
            return cast("Image.Image", ImageCms.applyTransform(part, transform))
        return part if part.mode == "RGB" else part.convert("RGB")

    def _to_8_bit(self, part: Image.Image) -> Image.Image:
        values = np.asarray(part)
        levels = (
            _shift(values, self._tags) if self._white is None else _scale(_samples(values, self._tags), self._white)
        )
        grey = Image.fromarray(255 - levels if self._tags.get(_WHITE_IS_ZERO) == 0 else levels)
        if "transparency" in part.info:  # one grey value, of 16 bits
            grey.putalpha(Image.fromarray(np.where(values == part.info["transparency"], 0, 255).astype(np.uint8)))
        return grey


def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what converts a mode to sRGB, None if that needs no colour profile."""
    if profile:
        # Invalid profiles are common and harmless.
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.buildTransform(given, _SRGB, mode, "RGB")
    return ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB") if mode == "LAB" else None


def _white_of(image: Image.Image, tags: Mapping[int, Any]) -> float | None:
    """Return the value that is white; None if the type of the samples tells."""
    if image.mode == "F":
        return _white_level(_some(image), _FLOAT_RANGES)
    if image.mode.startswith("I") and _bits(tags) == 32:
        full = 2.0 ** (32 - (0 if _is_unsigned(tags) else 1)) - 1
        return _white_level(_samples(_some(image), tags), (*_INTEGER_RANGES, (full, full)))
    return None


def _some(image: Image.Image) -> Pixels:
    size = min(image.width, _SAMPLED), min(image.height, _SAMPLED)
    return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def _samples(values: Pixels, tags: Mapping[int, Any]) -> Pixels:
    return values.view(np.uint32) if values.dtype == np.int32 and _is_unsigned(tags) else values


def _bits(tags: Mapping[int, Any]) -> int:
    return int(tags.get(_BITS, (16,))[0])


def _is_unsigned(tags: Mapping[int, Any]) -> bool:
    return bool(tags.get(_SAMPLE_FORMAT, (1,)) == (1,))


def _shift(values: Pixels, tags: Mapping[int, Any]) -> Pixels:
    """Scale integers by the range of their type; of signed types, zero is black, and so is what lies below it."""
    levels: Pixels = np.maximum(values, 0) >> (_bits(tags) - 8 - (0 if _is_unsigned(tags) else 1))
    return levels.astype(np.uint8)


def _scale(values: Pixels, top: float) -> Pixels:
    """Scale to 0 to 255; below the range and what is no number becomes black, above it white."""
    scaled = np.nan_to_num(values.astype(np.float32), copy=False, nan=0, posinf=top, neginf=0)
    return (np.clip(scaled, 0, top, out=scaled) * np.float32(255 / top)).astype(np.uint8)


def _white_level(some: Pixels, ranges: Ranges) -> float:
    """Return the smallest range in which the typical value lies: highlights may exceed it, shadows be far below."""
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
