"""What a TIFF may make its decoder list: Pillow turns each number of a directory into an object."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

from tagging_core.errors import PictureError

MAX_PAGES = 12
"""Pages that are looked at to find one that is not a thumbnail."""

_MAX_VALUES = 200_000  # a colour map has 196,608; a picture has fewer strips than rows
_TEXTS = (1, 2, 6, 7)  # types whose values stay together


def require_short_lists(data: bytes) -> None:
    """Check the first pages of a TIFF before it is opened; other files pass.

    Args:
        data: The whole file.

    Raises:
        PictureError: A directory lists more numbers than a picture needs.
    """
    if data[:2] not in (b"II", b"MM"):
        return
    with suppress(struct.error):  # cut off or damaged; decoding says what is wrong
        if any(kind not in _TEXTS and count > _MAX_VALUES for kind, count in _fields(data)):
            raise PictureError(
                f"The TIFF is laid out in more than {_MAX_VALUES:,} pieces. Save it with larger strips or tiles."
            )


def _fields(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield type and number of values of each field."""
    order = "<" if data.startswith(b"II") else ">"
    big = b"+" in data[2:4]
    entries, field, size, offset = ("Q", "HHQ", 20, "Q") if big else ("H", "HHL", 12, "L")
    (at,) = struct.unpack_from(order + offset, data, 8 if big else 4)
    for _ in range(MAX_PAGES):
        if not at:
            return
        (count,) = struct.unpack_from(order + entries, data, at)
        at += struct.calcsize(order + entries)
        for n in range(count):
            yield struct.unpack_from(order + field, data, at + n * size)[1:]
        (at,) = struct.unpack_from(order + offset, data, at + count * size)
