"""The picture files: originals, screen-size copies and thumbnails, named by the SHA-256 of the original."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

from tagging_core.errors import StorageError
from tagging_core.pictures import SCREEN_SIDE, THUMBNAIL_SIDE, Picture, encode_jpeg, open_picture


class Archive:
    """Files below one folder; each is written once, under a temporary name first.

    Args:
        root: The folder; made if missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def original(self, sha256: str) -> Path:
        """Where an original lies; its name never comes from a client."""
        return self._path("originals", sha256, "")

    def screen(self, sha256: str) -> Path:
        """A JPEG of at most 1400 pixels a side, upright, without metadata."""
        return self._path("screens", sha256, ".jpg")

    def thumbnail(self, sha256: str) -> Path:
        """A JPEG of at most 320 pixels a side, upright, without metadata."""
        return self._path("thumbnails", sha256, ".jpg")

    def keep(self, sha256: str, data: bytes, picture: Picture) -> None:
        """Write the original and both renditions; files that are there already stay.

        Raises:
            StorageError: The disk is full or the folder cannot be written.
        """
        if not self.screen(sha256).exists():
            write_file(self.screen(sha256), encode_jpeg(picture.image, SCREEN_SIDE))
        if not self.thumbnail(sha256).exists():
            write_file(self.thumbnail(sha256), encode_jpeg(picture.image, THUMBNAIL_SIDE))
        self.keep_original(sha256, data)

    def keep_original(self, sha256: str, data: bytes) -> None:
        """Write the original alone; `keep` adds the renditions, and `mend` does where that never came to pass."""
        if not self.original(sha256).exists():
            write_file(self.original(sha256), data)

    def mend(self, sha256: str, max_pixels: int) -> None:
        """Make renditions that are missing from the original, if that is here.

        Raises:
            PictureError: The original cannot be read any more.
            StorageError: The disk is full or the folder cannot be written.
        """
        if self.original(sha256).exists() and not self.has(sha256):
            data = self.original(sha256).read_bytes()
            self.keep(sha256, data, open_picture(data, max_pixels=max_pixels))

    def has(self, sha256: str) -> bool:
        """Whether original and renditions are all there."""
        return all(p.exists() for p in (self.original(sha256), self.screen(sha256), self.thumbnail(sha256)))

    def _path(self, kind: str, sha256: str, ending: str) -> Path:
        return self.root / kind / sha256[:2] / f"{sha256}{ending}"


def sha256_of(data: bytes) -> str:
    """The name of these bytes: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a reader, or a restart after a crash, never sees half of it.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(f"The disk is full: {path.parent} cannot take {len(data):,} bytes more.") from error
        raise StorageError(f"{path.parent} cannot be written: {error.strerror}.") from error
