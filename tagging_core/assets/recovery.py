"""What a viewer still shows of a damaged file: unreadable metadata is left out, a cut picture filled up."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

import numpy as np
from PIL import Image

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
_JFIF, _EXIF, _PROFILE, _ADOBE = b"\xff\xe0", b"\xff\xe1", b"\xff\xe2", b"\xff\xee"  # what their markers hold
_SAMPLED = 1000  # rows and columns that are looked at to see how much there is
_SET_ASIDE = 4096  # zeros that make it likely that a download or a memory card never filled the rest of the file
# Items of HEIF and AVIF that hold metadata.
_BOX_KINDS = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))(?:Exif|mime)", re.DOTALL)


def without_metadata(data: bytes) -> Iterator[bytes]:
    """Yield a file with less and less metadata.

    Args:
        data: The whole file.

    Yields:
        First the file with what is of use here as its only metadata (orientation, dates, colour profile), last the
        file without any.
    """
    if data.startswith(_JPEG):
        yield _without_segments(data, keep=(_JFIF, _EXIF, _PROFILE, _ADOBE))
        yield _without_segments(data, keep=(_ADOBE,))
    elif data.startswith(_PNG):
        yield _without_chunks(data, keep=(b"tRNS", b"eXIf", b"iCCP"))
        yield _without_chunks(data, keep=(b"tRNS",))
        yield _without_chunks(data, keep=())
    elif data[4:8] == b"ftyp":
        yield _BOX_KINDS.sub(rb"\1none", data)


def load_partially(data: bytes, open_: Callable[[bytes], Image.Image]) -> tuple[Image.Image, float]:
    """Load what there is of a picture.

    Args:
        data: The whole file.
        open_: Opens it without loading its pixels.

    Returns:
        The loaded picture, flat where nothing is known, and the part of its pixels that is known, 0 to 1.
    """
    data = _with_end(data)
    other = _sample(_load_on(open_(data), 0))  # so that there is but one full picture at a time
    light = _load_on(open_(data), 255)
    one = _sample(light)
    # An unknown pixel shows what it was painted over.
    known = (one == other).reshape(*one.shape[:2], -1).all(axis=2)
    return light, float(known.mean())


def count_scans(data: bytes) -> int:
    """Count the scans of a JPEG; those of a preview behind it count, too.

    Args:
        data: The whole file.

    Returns:
        How often a scan begins; 1 for most files, more for a progressive one.
    """
    return _without_segments(data, keep=()).count(_START_OF_SCAN)


def _sample(image: Image.Image) -> np.ndarray:
    size = min(image.width, _SAMPLED), min(image.height, _SAMPLED)
    return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def _load_on(image: Image.Image, ink: int) -> Image.Image:
    prepare = image.load_prepare  # type: ignore[attr-defined]

    def paint() -> None:
        prepare()
        bands = len(image.getbands())
        image.im.paste((ink,) * bands if bands > 1 else ink, (0, 0, *image.im.size))

    image.load_prepare = paint  # type: ignore[attr-defined]
    with suppress(Exception):  # decoders raise anything at the end of what they can read
        image.load()
    del image.load_prepare  # type: ignore[attr-defined] # or it would keep the picture until the next collection
    image.tile = []  # type: ignore[attr-defined] # loaded: later steps take the pixels as they are
    image._size = image.im.size
    return image


def _with_end(data: bytes) -> bytes:
    """End a cut JPEG such that the decoder gives out its last rows."""
    if not data.startswith(_JPEG):
        return data
    written = data.rstrip(b"\0")
    if len(data) - len(written) >= _SET_ASIDE:
        data = written
    if count_scans(data) > 1:
        return data + _END_OF_IMAGE  # later scans only refine the picture, which the first one holds as a whole
    return data + bytes(8)  # less than a block, but the decoder looks ahead


def _without_segments(data: bytes, keep: Collection[bytes]) -> bytes:
    """Leave out the segments of a JPEG that hold metadata, up to its pixels."""
    kept, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at : at + 2] != _START_OF_SCAN:
        marker, length = data[at : at + 2], 2 + int.from_bytes(data[at + 2 : at + 4])
        if not _is_metadata(marker) or marker in keep:
            kept.append(data[at : at + length])
        at += length
    return b"".join([*kept, data[at:]])


def _is_metadata(marker: bytes) -> bool:
    return 0xE0 <= marker[1] <= 0xEF or marker[1] == 0xFE


def _without_chunks(data: bytes, keep: Collection[bytes]) -> bytes:
    """Leave out the chunks of a PNG whose name begins with a small letter, as those that can be spared do."""
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(data):
        kind, length = data[at + 4 : at + 8], 12 + int.from_bytes(data[at : at + 4])
        if kind[:1].isupper() or kind in keep:
            kept.append(data[at : at + length])
        at += length
    return b"".join(kept)
