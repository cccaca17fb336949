"""Decode image files to upright 8-bit sRGB; the format is detected from the bytes, never from the file name."""

from __future__ import annotations

import io
import math
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pillow_heif
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from tagging_core.assets.capture_time import capture_time
from tagging_core.assets.decode_budget import reserve
from tagging_core.assets.raw_photos import is_reduced, raw_kind
from tagging_core.assets.recovery import load_partially, without_metadata
from tagging_core.assets.refusals import REMEDY, explain
from tagging_core.assets.srgb import to_srgb
from tagging_core.assets.tiff_limits import MAX_PAGES, require_short_lists
from tagging_core.errors import PictureError

pillow_heif.register_heif_opener()
# Above 32 MB, glibc returns memory to the system as soon as it is freed, instead of keeping it for each thread.
Image.core.set_block_size(64 << 20)  # type: ignore[attr-defined]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")
"""Pillow decoders allowed on untrusted bytes; most of Pillow's security fixes concern the others.

MPO, which phones write, is opened by the JPEG decoder.
"""

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif", "heic", "heif")
MAX_PIXELS = 50_000_000
MAX_BYTES = 60_000_000
_MOST_KEPT = 16_000_000  # pixels of a decoded picture, whose sides may differ much
_MAX_SIDE = 100_000  # a decoder keeps a pointer a row
_MOST_FRAMES = 10_000
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_MOST, _SCATTERED = 0.5, 0.9  # how much of a picture has to be there; rows of an interlaced one come scattered
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation."""

SCREEN_SIDE = 1400
THUMBNAIL_SIDE = 320


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image.

    Attributes:
        image: Upright RGB, possibly smaller than the original (see `open_picture`).
        format: Pillow's name of the decoder, such as `JPEG`.
        width: Width of the original in pixels, after rotation.
        height: Height of the original in pixels, after rotation.
        frames: Number of animation frames; only the first is decoded.
        taken_at: Capture time from EXIF, local to the camera, or None.
    """

    image: Image.Image
    format: str
    width: int
    height: int
    frames: int
    taken_at: datetime | None


def open_picture(data: bytes, side: int = SCREEN_SIDE, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode an image file.

    Args:
        data: The whole file, at most MAX_BYTES.
        side: Large pictures are shrunk; unless their sides differ much, both keep at least this many pixels.
        max_pixels: Larger images are rejected before decoding.

    Returns:
        The first frame, upright, in 8-bit sRGB, with transparent areas on white. Metadata that cannot be read is
        ignored; of a truncated file, the missing rows are one flat area.

    Raises:
        PictureError: The file is empty, too large, a RAW photo, not in one of FORMATS, or damaged such that less
            than half of the picture can be shown.
    """
    _refuse_unfit(data)
    try:
        return _decode(data, side, max_pixels)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(f"The picture is too large: {error}") from error
    except Exception as error:  # on damaged bytes, decoders raise anything
        failure = _without_frames(error)
    picture = _recover(data, side, max_pixels)
    if picture is None:
        raise PictureError(explain(data, failure, FORMATS)) from failure
    return picture


def encode_jpeg(image: Image.Image, side: int) -> bytes:
    """Encode a JPEG without metadata, scaled down so that the longer side has at most `side` pixels."""
    if max(image.size) > side:
        image = image.copy()
        image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _refuse_unfit(data: bytes) -> None:
    if not data:
        raise PictureError("The file is empty (0 bytes).")
    if len(data) > MAX_BYTES:
        raise PictureError(f"The file has {len(data) / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB.")
    require_short_lists(data)
    if kind := raw_kind(data):
        raise PictureError(f"A RAW photo ({kind}), which has to be developed first. {REMEDY}")


def _open(data: bytes, max_pixels: int) -> Image.Image:
    with warnings.catch_warnings():
        # Pillow warns above 89 megapixels; our own limit is checked before decoding.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if isinstance(image, TiffImageFile):
            _skip_thumbnail(image)
        if max(image.size) > _MAX_SIDE:
            raise PictureError(
                f"The picture has {image.width} x {image.height} pixels; a side may have {_MAX_SIDE:,}."
            )
        if image.width * image.height > max_pixels:
            size, limit = f"{image.width} x {image.height} pixels", f"{max_pixels / 1e6:.0f} megapixels"
            raise PictureError(f"The picture has {size}; the limit is {limit}.")
        return image


def _skip_thumbnail(image: TiffImageFile) -> None:
    """Turn to the first page that is not a reduced copy of another, if there is one."""
    for following in range(1, MAX_PAGES):
        if not is_reduced(image.tag_v2):
            return
        try:
            image.seek(following)
        except EOFError:
            break
    image.seek(0)


def _decode(data: bytes, side: int, max_pixels: int) -> Picture:
    image = _open(data, max_pixels)
    frames = _count_frames(image) if image.format in _ANIMATED else 1
    size = image.size
    with reserve(image, data, max_pixels):
        if image.format in ("JPEG", "MPO"):
            image.draft("RGB" if image.mode != "CMYK" else None, (side, side))
        image.load()
        return _finish(image, size, side, frames=frames)


def _finish(image: Image.Image, size: tuple[int, int], side: int, *, frames: int = 1) -> Picture:
    """Convert a loaded picture, shrink it and turn it upright; its size was `size` before."""
    orientation, taken_at = _read_exif(image)
    flat = to_srgb(image, _factor(image, side))
    if orientation in _UPRIGHT:
        flat = flat.transpose(_UPRIGHT[orientation])
    width, height = reversed(size) if orientation in (5, 6, 7, 8) else size
    return Picture(flat, str(image.format), width, height, frames, taken_at)


def _factor(image: Image.Image, side: int) -> int:
    """Return by how much a loaded picture is shrunk, so that no full picture is kept while it waits."""
    enough, limited = min(image.size) // side, math.ceil(math.sqrt(image.width * image.height / _MOST_KEPT))
    return max(1, enough, limited)


def _read_exif(image: Image.Image) -> tuple[int, datetime | None]:
    """Return orientation and capture time; what cannot be read of them costs neither the other nor the picture."""
    exif, details, orientation, taken_at = Image.Exif(), {}, 1, None
    with suppress(Exception):
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
    with suppress(Exception):
        details = exif.get_ifd(ExifTags.IFD.Exif)
    with suppress(Exception):
        taken_at = capture_time(details, exif)
    return orientation, taken_at


def _count_frames(image: Image.Image) -> int:
    if image.format == "GIF":
        return _count_gif_frames(image)
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a later frame is damaged; the first one is not
        return 1


def _count_gif_frames(image: Any) -> int:
    """Count up to _MOST_FRAMES, since a file can have millions that show nothing."""
    frames = 1
    with suppress(Exception):  # the end, or a damaged frame
        while frames < _MOST_FRAMES:
            image._seek(frames, False)  # as `n_frames` does, which knows no limit
            frames += 1
    image.seek(0)
    return frames


def _without_frames(error: Exception) -> Exception:
    """Let go of the picture that the decoder had begun, which its traceback refers to."""
    error.__context__ = None
    return error.with_traceback(None)


def _recover(data: bytes, side: int, max_pixels: int) -> Picture | None:
    """Decode what a viewer shows of a damaged file; None if that is nothing."""
    most = 0.0
    for candidate in (data, *without_metadata(data)):
        try:
            picture, known = _decode_partially(candidate, side, max_pixels)
            if picture is not None:
                return picture
            most = max(most, known)
        except PictureError:
            raise
        except Exception:  # damaged otherwise; the first error is reported
            continue
    if most:
        raise PictureError(
            f"The file is damaged or truncated: {most:.0%} of the picture can be read. Send it again."
        )
    return None


def _decode_partially(data: bytes, side: int, max_pixels: int) -> tuple[Picture | None, float]:
    """Return the picture, if enough of it is known, and how much that is, 0 to 1."""
    with reserve(_open(data, max_pixels), data, max_pixels):
        image, known = load_partially(data, partial(_open, max_pixels=max_pixels))
        enough = known >= (_SCATTERED if image.info.get("interlace") else _MOST)
        return (_finish(image, image.size, side) if enough else None), known
