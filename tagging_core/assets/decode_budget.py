"""Memory of all pictures that are decoded at the same time in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from tagging_core.assets.recovery import count_scans
from tagging_core.errors import PictureError

_MOST_BYTES = 360_000_000
_PIXEL_BYTES = _MOST_BYTES / 50_000_000  # for a picture with the most pixels that are allowed by default
# What the decoders take a pixel, all their own copies included: they cannot decode row by row.
_WHOLE = {"WEBP": 18, "AVIF": 11, "HEIF": 7}
_ALPHA = 2  # on top of it
_CONVERSION = 30_000_000  # bytes beside the loaded picture: parts of it in other modes, and what is kept of it
_COEFFICIENT = 2  # bytes; a JPEG with several scans is kept as such until the last one
_SMALL_MODES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}


class _Budget:
    """Lets decodes wait until there is memory for them, in the order in which they came."""

    def __init__(self, most: int) -> None:
        self._most = self._free = most
        self._turn, self._freed = threading.Lock(), threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        size = min(size, self._most)
        with self._turn, self._freed:
            self._freed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._freed:
                self._free += size
                self._freed.notify()


_budget = _Budget(_MOST_BYTES)


@contextmanager
def reserve(image: Image.Image, data: bytes, max_pixels: int) -> Iterator[None]:
    """Wait until there is memory to decode a picture.

    Args:
        image: Opened, not loaded.
        data: The whole file.
        max_pixels: The limit of this installation.

    Raises:
        PictureError: It takes more than a picture with `max_pixels` in an ordinary format.
    """
    size = _pixel_bytes(image, data) * image.width * image.height
    if size > _PIXEL_BYTES * max_pixels:
        most = _PIXEL_BYTES * max_pixels / _pixel_bytes(image, data) / 1e6
        raise PictureError(
            f"The picture has {image.width} x {image.height} pixels; the limit for this kind of {image.format} is "
            f"{most:.0f} megapixels. Send it smaller, or as an ordinary JPEG or PNG."
        )
    with _budget.reserve(size + _CONVERSION):
        yield


def _pixel_bytes(image: Image.Image, data: bytes) -> int:
    if image.format in _WHOLE:
        return _WHOLE[image.format] + (_ALPHA if "A" in image.mode and image.format != "WEBP" else 0)
    if image.format in ("JPEG", "MPO"):
        return 1 + (_COEFFICIENT * len(image.getbands()) if count_scans(data) > 1 else 0)
    return _SMALL_MODES.get(image.mode, 4)
