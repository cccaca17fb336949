"""TIFF files of kinds that cameras and scientific programs write and Pillow only reads."""

from __future__ import annotations

import struct

Fields = dict[int, int | bytes | list[int]]

_BYTE, _ASCII, _SHORT, _LONG = 1, 2, 3, 4
_STRIP_OFFSETS, _SUB_DIRECTORIES, _DNG_VERSION = 273, 330, 50706


def page(pixels: bytes, size: tuple[int, int], *, bits: int | list[int] = 8, photometric: int = 1) -> Fields:
    """Return the fields of an uncompressed picture in one strip."""
    samples = len(bits) if isinstance(bits, list) else 1
    layout = {256: size[0], 257: size[1], 258: bits, 259: 1, 262: photometric, 277: samples, 278: size[1]}
    return {**layout, _STRIP_OFFSETS: pixels, 279: len(pixels)}


def tiff(*directories: Fields, nested: bool = False) -> bytes:
    """Return a little-endian TIFF.

    Args:
        directories: Values by tag; bytes are texts, except for the pixels (tag 273).
        nested: Whether all but the first directory are sub-directories of the first, instead of further pages.
    """
    if nested:
        directories = ({**directories[0], _SUB_DIRECTORIES: [0] * (len(directories) - 1)}, *directories[1:])
    starts = [8]
    for fields in directories:
        starts.append(starts[-1] + 2 + 12 * len(fields) + 4)
    start_of_data, data = starts.pop(), bytearray()

    def place(body: bytes) -> int:
        offset = start_of_data + len(data)
        data.extend(body + bytes(len(body) % 2))
        return offset

    def entry(tag: int, value: int | bytes | list[int]) -> bytes:
        if tag == _STRIP_OFFSETS and isinstance(value, bytes):
            value = place(value)
        if tag == _SUB_DIRECTORIES:
            value = starts[1:]
            kind, body = _LONG, struct.pack(f"<{len(value)}I", *value)
        elif isinstance(value, list):
            kind, body = _SHORT, struct.pack(f"<{len(value)}H", *value)
        elif isinstance(value, bytes):
            kind, body = (_BYTE if tag == _DNG_VERSION else _ASCII), value
        else:
            kind, body = _LONG, struct.pack("<I", value)
        count = len(value) if isinstance(value, (list, bytes)) else 1
        inline = body.ljust(4, b"\0") if len(body) <= 4 else struct.pack("<I", place(body))
        return struct.pack("<HHI", tag, kind, count) + inline

    written = b""
    for n, fields in enumerate(directories):
        following = 0 if nested or n + 1 == len(directories) else starts[n + 1]
        entries = b"".join(entry(tag, fields[tag]) for tag in sorted(fields))
        written += struct.pack("<H", len(fields)) + entries + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8) + written + bytes(data)
