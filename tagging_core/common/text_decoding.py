"""Decoding of tables and exports, which are refused rather than misread: a wrong letter would become a wrong tag.

Names of pictures and texts beside them are never refused; `encodings` guesses theirs.
"""

from __future__ import annotations

import re
from collections import Counter

from tagging_core.common.encodings import wide_encoding
from tagging_core.errors import TextError

_WINDOWS = {  # by encoding, in order of preference: a unit of text, and the bytes of those that are usual
    "gb18030": ("[^\0-\x7f]", rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]"),  # punctuation, and the most common characters
    "cp1252": ("[^\0-\x7f]+", rb"[\x80\x84\x85\x8a\x8c\x8e\x91-\x97\x99\x9a\x9c\x9e\xa0-\xff]{1,2}"),
    "cp932": ("[^\0-\x7f]", rb"[\x81-\x83\x88-\x97][\x40-\xfc]"),  # kana, and the most common characters
}
_ENOUGH = 0.7


def decode_text(data: bytes) -> str:
    """Decode a whole text file in any encoding that common programs write.

    Args:
        data: UTF-8, UTF-16 or UTF-32, or the encoding of a Western, Chinese or Japanese Windows.

    Returns:
        The text, without byte order mark.

    Raises:
        TextError: The file is cut off, damaged, or in another encoding.
    """
    try:
        return decode_unicode(data)
    except TextError:
        usual = {codec: _share_of_usual(data, codec) for codec in _WINDOWS}
        best = max(usual, key=usual.__getitem__)
        if usual[best] < _ENOUGH or _is_damaged_unicode(data):
            raise
        return data.decode(best)


def decode_unicode(data: bytes) -> str:
    """Decode a whole text file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises:
        TextError: The file is cut off, damaged, or in another encoding.
    """
    codec = wide_encoding(data) or "utf-8"
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(codec, "ignore").count("\n") + 1
        name = codec.upper().removesuffix("-SIG")
        if error.reason in ("truncated data", "unexpected end of data") and not data[: error.start].isascii():
            problem = f"the {name} file ends in the middle of a character; save it again"
        else:
            problem = f"byte {data[error.start]:#04x} is not {name}. Save the file as UTF-8 (in Excel: 'CSV UTF-8')"
        raise TextError(problem, line) from error


def _is_damaged_unicode(data: bytes) -> bool:
    """Return whether a text that cannot be decoded is damaged Unicode, not text in another encoding."""
    if wide_encoding(data):
        return True
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(not c.isascii() for c in text) >= 3 * damaged


def _share_of_usual(data: bytes, codec: str) -> float:
    """Return which share of the non-ASCII characters is usual in texts of an encoding; 0 if it cannot be the one.

    Tables are short: `charset_normalizer` took single words in each of these encodings for another one.
    """
    unit, usual = _WINDOWS[codec]
    try:
        units = Counter(re.findall(unit, data.decode(codec)))
    except UnicodeDecodeError:
        return 0.0
    known = sum(len(text) * n for text, n in units.items() if re.fullmatch(usual, text.encode(codec)))
    return known / max(1, sum(len(text) * n for text, n in units.items()))
