"""Media types of image files."""

from __future__ import annotations

from tagging_core.assets.files import Rendition

_BY_FORMAT = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
}


def media_type(rendition: Rendition, form: str) -> str:
    """Return the media type of an asset's file.

    Args:
        rendition: Which of its files.
        form: Format of the original, in Pillow's words.
    """
    if rendition != Rendition.ORIGINAL:
        return "image/jpeg"
    return _BY_FORMAT.get(form, "application/octet-stream")
