"""Recognize RAW photos, which would otherwise be taken in as the small preview that many of them begin with."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SIGNATURES = (
    (0, b"FUJIFILMCCD-RAW", "RAF"),
    (4, b"ftypcrx ", "CR3"),
    (0, b"IIRO", "ORF"),
    (0, b"IIRS", "ORF"),
    (0, b"MMOR", "ORF"),
    (0, b"IIU\0", "RW2"),
    (6, b"HEAPCCDR", "CRW"),
    (0, b"FOVb", "X3F"),
    (0, b"\0MRM", "MRW"),
)
"""Where it stands, what stands there, and the kind of RAW photo that says."""

_TIFF_SIGNATURES = ((b"CR\x02", "CR2"), (b"IIII", "IIQ"), (b"MMMM", "IIQ"))  # after the header of a TIFF

_NEW_SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _MAKE, _SUB_DIRECTORIES = 254, 259, 262, 271, 330  # TIFF tags
_CFA_PATTERN, _DNG_VERSION = 33422, 50706
_REDUCED = (1, 3, 5, 7)  # of _NEW_SUBFILE_TYPE: all values with the lowest bit
_SENSOR_DATA = (32803, 34892)  # of _PHOTOMETRIC: behind a colour filter, and what was computed from it
_CAMERA_COMPRESSIONS = (32767, 32769, 32770, 34713, 65000, 65535)  # Sony, Epson, Samsung, Nikon, Kodak, Pentax
_DIRECTORIES = 12  # a RAW photo has fewer; a scanned book has thousands


def raw_kind(data: bytes) -> str | None:
    """Tell whether a file is a RAW photo.

    An honest TIFF is none, whatever camera it names, with pages, sub-directories for smaller sizes, or both.

    Args:
        data: The whole file.

    Returns:
        Its usual extension in capitals, else the maker of the camera; None if the file is something else.
    """
    for at, signature, kind in _SIGNATURES:
        if data.startswith(signature, at):
            return kind
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    for signature, kind in _TIFF_SIGNATURES:
        if data.startswith(signature, 8):
            return kind
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _kind_of(directories(data))
    except Exception:  # damaged directories; decoding says what is wrong
        return None


def is_reduced(directory: Mapping[int, Any]) -> bool:
    """Tell whether a directory of a TIFF holds a smaller copy of another picture in the file."""
    return directory.get(_NEW_SUBFILE_TYPE) in _REDUCED


def _kind_of(found: Iterator[ImageFileDirectory_v2]) -> str | None:
    """Look at one directory after the other, since each may hold a copy of the whole file."""
    maker, is_raw = "", False
    for n, directory in enumerate(found):
        if _DNG_VERSION in directory:
            return "DNG"
        if n == 0:
            maker, is_raw = str(directory.get(_MAKE, "")).strip("\0 "), _is_preview_of_nested(directory)
        is_raw = is_raw or _is_sensor_data(directory)
    return (maker or "of an unknown camera") if is_raw else None


def _is_sensor_data(directory: ImageFileDirectory_v2) -> bool:
    return (
        directory.get(_PHOTOMETRIC) in _SENSOR_DATA
        or directory.get(_COMPRESSION) in _CAMERA_COMPRESSIONS
        or _CFA_PATTERN in directory
    )


def _is_preview_of_nested(first: ImageFileDirectory_v2) -> bool:
    """Whether the first picture is a reduced copy of one that Pillow cannot reach, whatever that is."""
    return is_reduced(first) and _SUB_DIRECTORIES in first


def directories(data: bytes) -> Iterator[ImageFileDirectory_v2]:
    """Yield the directories of a TIFF, which describe its pages, and those nested in them.

    Args:
        data: The whole file.

    Yields:
        Tags of at most a dozen directories, the first page's first.
    """
    header, stream = data[: 16 if b"+" in data[2:4] else 8], io.BytesIO(data)
    waiting, seen = [ImageFileDirectory_v2(header).next], {0}
    while waiting and len(seen) <= _DIRECTORIES:
        offset = waiting.pop(0)
        if offset in seen or offset >= len(data):
            continue
        seen.add(offset)
        directory = ImageFileDirectory_v2(header)
        stream.seek(offset)
        directory.load(stream)
        yield directory
        nested = directory.get(_SUB_DIRECTORIES, ())
        waiting += [nested] if isinstance(nested, int) else [n for n in nested if isinstance(n, int)]
        waiting.append(directory.next)
