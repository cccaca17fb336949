"""Decode names and texts of unknown encoding: UTF-8 where it fits, else the likeliest of the legacy encodings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

import chardet

_WESTERN = ("cp1252", "cp437", "cp850")
_LEGACY = ("cp932", "gb18030", "big5hkscs", "cp949", *_WESTERN, "cp1251", "cp866")
"""What Windows and DOS call the languages' usual encodings; an open list would find exotic ones in short names."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# What a wrong encoding makes of letters: another script or a capital within a word, controls, box drawings.
_WRONG = "[a-z][Ͱ-ӿ]|[Ͱ-ӿ][A-Za-z]|[a-zß-ÿ][À-Þ]|[\x80-\x9f─-▟\ufffd]"
_ODD_IN_TEXTS = re.compile(_WRONG)
_TWO_HIGH_BYTES = re.compile(rb"[\x80-\xff]{2}")
"""Every text in Cyrillic, Chinese, Japanese or Korean has some; in a short Western one they are rare."""

# Names hold no currency signs and the like, and no backslash before the extension: it is the second byte of a
# Shift-JIS or Big5 character.
_ODD_IN_NAMES = re.compile(
    _WRONG + "|[\xa0-\xa9\xac-\xaf\xb1-\xb6\xb8\xb9\xbc-\xbfƒˆ˜†‡‰]|\\w[‚„“”‹›•™]\\w|\\\\(?=[.\n]|$)"
)


def decode_text(data: bytes) -> str:
    """Decode a text, possibly cut off within a character.

    Args:
        data: The text in UTF-8, in UTF-16 or UTF-32 with or without a mark, or in a legacy encoding.

    Returns:
        The text without its mark; undecodable bytes become U+FFFD.
    """
    if encoding := wide_encoding(data):
        return data.decode(encoding, "replace")
    text = data.decode("utf-8", "replace")
    # A few undecodable bytes among many good ones are damage, not another encoding.
    if text.count("\ufffd") * 10 <= sum(not c.isascii() for c in text):
        return text.removesuffix("\ufffd")
    encodings = _LEGACY if _TWO_HIGH_BYTES.search(data) else _WESTERN
    return data.decode(_likeliest(encodings, data, _ODD_IN_TEXTS), "replace")


def wide_encoding(data: bytes) -> str | None:
    """Return the encoding of a text with a byte order mark, or of UTF-16 without one; None for other texts."""
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    if marked:
        return marked
    zeros = [data[::2].count(0), data[1::2].count(0)]
    few, many = sorted(zeros)
    unmarked = "utf-16-le" if zeros[1] == many else "utf-16-be"
    # Of most texts every second byte is zero, of others only those of line breaks, spaces and digits. Single zeros
    # in a text that is UTF-8 are strays, as are those that would make control characters.
    usual = many > max(1, len(data) / 4) and few * 4 < many
    if not usual and (few == many or _is_utf_8(data)):
        return None
    text = data.decode(unmarked, "replace").rstrip("\0")
    return None if _CONTROLS.search(text) else unmarked


def decode_names(names: Sequence[bytes]) -> list[str]:
    """Decode file names that were written by one program, as those of a zip.

    Args:
        names: Each in UTF-8 or in a legacy encoding, which all that are not UTF-8 share.

    Returns:
        The names in the same order.
    """
    legacy = [name for name in names if not _is_utf_8(name)]
    encoding = _likeliest(_LEGACY, b"\n".join(legacy), _ODD_IN_NAMES) if legacy else ""
    return [name.decode("utf-8" if _is_utf_8(name) else encoding, "replace") for name in names]


def decode_name(name: bytes) -> str:
    """Decode a file name in UTF-8 or a legacy encoding."""
    return decode_names([name])[0]


def _is_utf_8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _likeliest(encodings: Sequence[str], data: bytes, odd: re.Pattern[str]) -> str:
    """Return the encoding that yields the fewest odd characters; of several, the likeliest."""
    found = chardet.detect_all(data, ignore_threshold=True, include_encodings=encodings)
    candidates = [*(each["encoding"] for each in found if each["encoding"]), *encodings]
    return min(candidates, key=lambda encoding: len(odd.findall(data.decode(encoding, "replace"))))
