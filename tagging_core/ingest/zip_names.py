"""Names of zip members: UTF-8 by flag or by the Unicode path field, else in whatever encoding the program used."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence

from tagging_core.common.encodings import decode_names

_UTF_8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_PATH_HEADER = struct.Struct("<BL")  # version, CRC of the name in the directory


def member_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Decode the paths of a zip's members.

    Args:
        infos: All members of the zip; those without Unicode names are decoded together.

    Returns:
        Their paths in the same order.
    """
    given = [_unicode_name(info) for info in infos]
    raw = [_raw_name(info) for info, name in zip(infos, given, strict=True) if name is None]
    decoded = iter(decode_names(raw))
    return [next(decoded) if name is None else name for name in given]


def _unicode_name(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & _UTF_8_FLAG:
        return info.orig_filename
    raw = _raw_name(info)
    for data in _extra_fields(info.extra, _UNICODE_PATH):
        if len(data) > _PATH_HEADER.size and _PATH_HEADER.unpack_from(data) == (1, zlib.crc32(raw)):
            return data[_PATH_HEADER.size :].decode("utf-8", "replace")
    return None


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437")  # as zipfile decodes names without the UTF-8 flag; lossless


def _extra_fields(extra: bytes, wanted: int) -> list[bytes]:
    found = []
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == wanted:
            found.append(extra[4 : 4 + size])
        extra = extra[4 + size :]
    return found
