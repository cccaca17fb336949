"""Texts that differ only in case, or in how their accents are composed, made equal."""

from __future__ import annotations

import unicodedata


def compose(text: str) -> str:
    """Return a text with composed accents (NFC); macOS decomposes those of file names."""
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Return the form in which texts are compared: composed, without case; not for display."""
    return compose(unicodedata.normalize("NFD", text).casefold())
