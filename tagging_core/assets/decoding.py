"""Decode image files to upright 8-bit sRGB; the format is detected from the bytes, never from the file name."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from datetime import datetime

import pillow_heif
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from tagging_core.assets.capture_time import capture_time
from tagging_core.assets.srgb import to_srgb
from tagging_core.errors import PictureError

pillow_heif.register_heif_opener()

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")
"""Pillow decoders allowed on untrusted bytes; most of Pillow's security fixes concern the others.

MPO, which phones write, is opened by the JPEG decoder.
"""

EXTENSIONS = ("jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif", "heic", "heif")
MAX_PIXELS = 50_000_000
MAX_BYTES = 60_000_000
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
        side: JPEGs may be decoded at a reduced size that keeps both sides at least this many pixels long.
        max_pixels: Larger images are rejected before decoding.

    Returns:
        The first frame, upright, in 8-bit sRGB, with transparent areas on white.

    Raises:
        PictureError: The file is empty, damaged, too large, or not in one of FORMATS.
    """
    if not data:
        raise PictureError("The file is empty (0 bytes).")
    if len(data) > MAX_BYTES:
        raise PictureError(f"The file has {len(data) / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB.")
    try:
        with warnings.catch_warnings():
            # Pillow warns above 89 megapixels; our own limit is checked before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _refuse_bomb(image.width * image.height, f"{image.width} x {image.height} pixels", max_pixels)
            return _decode(image, side)
    except Image.DecompressionBombError as error:
        raise PictureError(f"The picture is too large: {error}") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"Not a picture, or not one of {', '.join(FORMATS)}.") from error
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError) as error:
        raise PictureError(f"The file is damaged or truncated: {error}") from error


def encode_jpeg(image: Image.Image, side: int) -> bytes:
    """Encode a JPEG without metadata, scaled down so that the longer side has at most `side` pixels."""
    if max(image.size) > side:
        image = image.copy()
        image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _refuse_bomb(pixels: int, what: str, max_pixels: int) -> None:
    if pixels > max_pixels:
        raise PictureError(f"The picture has {what}; the limit is {max_pixels / 1e6:.0f} megapixels.")


def _decode(image: Image.Image, side: int) -> Picture:
    name, (width, height) = str(image.format), image.size
    frames = int(getattr(image, "n_frames", 1)) if name in ("GIF", "WEBP", "AVIF") else 1
    if name in ("JPEG", "MPO"):
        image.draft("RGB" if image.mode != "CMYK" else None, (side, side))
    image.load()
    exif = image.getexif()
    taken_at = capture_time(exif.get_ifd(ExifTags.IFD.Exif), exif)
    if exif.get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8):
        width, height = height, width
    ImageOps.exif_transpose(image, in_place=True)
    return Picture(to_srgb(image), name, width, height, frames, taken_at)
