"""File names in `Content-Disposition`, as browsers, curl, .NET, Python and older programs write them."""

from __future__ import annotations

import binascii
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from tagging_core.common.encodings import decode_name

_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What browsers write for the characters that would end a quoted name (HTML, multipart/form-data)."""


def file_name(disposition: bytes) -> str | None:
    """Return the file name of a part of a form.

    Args:
        disposition: The value of its `Content-Disposition`.

    Returns:
        `filename*` (RFC 5987) if there is one, else `filename`, with the escapes of browsers or encoded words
        (RFC 2047) decoded; None if the part is no file.
    """
    header = Message()
    header["Content-Disposition"] = decode_name(disposition.replace(b"\r", b" ").replace(b"\n", b" "))
    values = header.get_params(failobj=[], header="Content-Disposition")
    names = [value for key, value in values if key == "filename"]
    extended = [value for value in names if isinstance(value, tuple)]
    if extended:
        return _decode_extended(*extended[0])
    return _unescape(names[0]) if names else None


def _decode_extended(charset: str | None, _: str | None, text: str) -> str:
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:  # not percent-encoded, as it should be
        return text
    try:
        return raw.decode(charset or "utf-8")
    except (LookupError, UnicodeError):
        return decode_name(raw)


def _unescape(name: str) -> str:
    if name.startswith("=?") and name.endswith("?="):
        return _decode_words(name)
    for escape, character in _ESCAPES.items():
        name = name.replace(escape, character).replace(escape.lower(), character)
    return name


def _decode_words(name: str) -> str:
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, UnicodeError, binascii.Error):
        return name
