"""Names of files in an archive that every common file system accepts."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from tagging_core.common.folding import fold

MAX_BYTES = 255 - len(".xmp")
"""Longest name in UTF-8, so that the name of its sidecar fits, too."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
_INVISIBLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, lone surrogates, line and paragraph separators
_DEVICES = re.compile(r"(?i:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])")
_MAX_EXTENSION = 16  # bytes; what follows the last dot of a sentence is not an extension


def portable(name: str) -> str:
    """Return a name that Windows, macOS and Linux accept, as close to the given one as possible.

    Args:
        name: Any text, such as a name that a client sent.

    Returns:
        A name of 1 to `MAX_BYTES` bytes in UTF-8, with the given extension.
    """
    name = "".join("_" if unicodedata.category(c) in _INVISIBLE else c for c in name)
    name = _shortened(_FORBIDDEN.sub("_", name).rstrip(". ")) or "picture"
    if _DEVICES.fullmatch(name.partition(".")[0].rstrip(" ")):
        name = f"_{name}"  # Windows takes `con.jpg` for the device
    return name


class UniqueNames:
    """Gives every file of an archive its own path; a name that is already taken comes in a folder.

    Args:
        reserved: Names that the archive needs for itself.
    """

    def __init__(self, *reserved: str) -> None:
        # Names that are equal when folded are the same file on Windows or macOS.
        self._taken = {fold(name) for name in reserved}

    def claim(self, name: str, folder: str) -> str:
        """Return the path of a picture, whose sidecar may lie beside it.

        Args:
            name: Name of the picture, from any client.
            folder: Folder for a name that is already taken; unique among the pictures.

        Returns:
            `name`, or `folder/name`, as a portable name.
        """
        name = portable(name)
        if self._take(name):
            return name
        while fold(folder) in self._taken:
            folder += "_"
        self._taken.add(fold(folder))
        return f"{folder}/{name}"

    def _take(self, name: str) -> bool:
        keys = {fold(name), fold(f"{name}.xmp")}
        if keys & self._taken:
            return False
        self._taken |= keys
        return True


def _shortened(name: str) -> str:
    most = MAX_BYTES - 1  # leaves room for the mark of a device name
    if len(name.encode()) <= most:
        return name
    extension = PurePosixPath(name).suffix
    if len(extension.encode()) > _MAX_EXTENSION:
        extension = ""
    stem = name.removesuffix(extension).encode()[: most - len(extension.encode())].decode("utf-8", "ignore")
    return stem.rstrip(". ") + extension
