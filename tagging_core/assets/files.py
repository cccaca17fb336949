"""Image files: originals, screen-size copies and thumbnails, named by the SHA-256 of the original."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path

from PIL import Image

from tagging_core.assets.decoding import SCREEN_SIDE, THUMBNAIL_SIDE, Picture, encode_jpeg, open_picture
from tagging_core.embeddings.encoders import Encoder
from tagging_core.storage.blobs import BlobStore


class Rendition(StrEnum):
    """The original file, or an upright JPEG without metadata, at most 1,400 or 320 pixels on its longer side."""

    ORIGINAL = "original"
    SCREEN = "screen"
    THUMBNAIL = "thumbnail"


_SIDES = {Rendition.SCREEN: SCREEN_SIDE, Rendition.THUMBNAIL: THUMBNAIL_SIDE}


class ImageFiles:
    """Image files in a blob store, each written once and named by content hash, never by a client's file name."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, rendition: Rendition, sha256: str) -> bytes:
        """Read a file.

        Raises:
            FileNotFoundError: The file does not exist.
            UnreachableError: The object store does not answer.
        """
        return self._blobs.read(_name(rendition, sha256))

    def path(self, rendition: Rendition, sha256: str) -> Path | None:
        """Return the file's local path, whether or not it exists; None if the store is remote."""
        return self._blobs.path(_name(rendition, sha256))

    def store(self, sha256: str, data: bytes, picture: Picture) -> None:
        """Write the original and both renditions, skipping files that exist.

        Raises:
            StorageError: The disk is full or the store is not writable.
        """
        known = self._has(Rendition.ORIGINAL, sha256)  # without the original there are no renditions to look for
        for rendition, side in _SIDES.items():
            if not (known and self._has(rendition, sha256)):
                self._blobs.write(_name(rendition, sha256), encode_jpeg(picture.image, side))
        if not known:
            self._blobs.write(_name(Rendition.ORIGINAL, sha256), data)

    def store_original(self, sha256: str, data: bytes) -> None:
        """Write only the original; `store` adds the renditions later, or `repair` if that never ran."""
        if not self._has(Rendition.ORIGINAL, sha256):
            self._blobs.write(_name(Rendition.ORIGINAL, sha256), data)

    def repair(self, sha256: str, max_pixels: int) -> None:
        """Recreate missing renditions from the original, if it exists.

        Raises:
            PictureError: The original can no longer be decoded.
            StorageError: The disk is full or the store is not writable.
        """
        if self._has(Rendition.ORIGINAL, sha256) and not self.has(sha256):
            data = self.read(Rendition.ORIGINAL, sha256)
            self.store(sha256, data, open_picture(data, max_pixels=max_pixels))

    def has(self, sha256: str) -> bool:
        """Whether the original and both renditions exist."""
        return all(self._has(rendition, sha256) for rendition in Rendition)

    def _has(self, rendition: Rendition, sha256: str) -> bool:
        return self._blobs.exists(_name(rendition, sha256))


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of the bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _name(rendition: Rendition, sha256: str) -> str:
    ending = ".jpg" if rendition in _SIDES else ""
    return f"archive/{rendition}s/{sha256[:2]}/{sha256}{ending}"


def open_prepared(archive: ImageFiles, encoder: Encoder, sha256: str, *, max_pixels: int) -> Image.Image:
    """Load an image and prepare it for an encoder; falls back to the screen copy if the original is not kept.

    Raises:
        FileNotFoundError: Neither file exists.
        PictureError: The file cannot be decoded.
    """
    try:
        data = archive.read(Rendition.ORIGINAL, sha256)
    except FileNotFoundError:
        data = archive.read(Rendition.SCREEN, sha256)
    return encoder.prepare(open_picture(data, max_pixels=max_pixels).image)
