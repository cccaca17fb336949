"""Image files: originals, screen-size copies and thumbnails, named by the SHA-256 of the original."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path

from PIL import Image

from tagging_core.assets.decoding import SCREEN_SIDE, THUMBNAIL_SIDE, Picture, encode_jpeg, open_picture
from tagging_core.embeddings.encoders import Encoder
from tagging_core.errors import PictureError
from tagging_core.storage.blobs import BlobStore


class Rendition(StrEnum):
    """The original file, or an upright JPEG without metadata, at most 1,400 or 320 pixels on its longer side."""

    ORIGINAL = "original"
    SCREEN = "screen"
    THUMBNAIL = "thumbnail"


_SIDES = {Rendition.SCREEN: SCREEN_SIDE, Rendition.THUMBNAIL: THUMBNAIL_SIDE}


class ImageFiles:
    """Image files in a blob store, each written once and named by content hash, never by a client's file name.

    Args:
        blobs: Holds the files, below `archive/`.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, rendition: Rendition, sha256: str) -> bytes:
        """Read a file.

        Args:
            rendition: Which of the asset's files.
            sha256: SHA-256 of the original, 64 hexadecimal digits.

        Returns:
            The whole file: a JPEG for a rendition, any of `decoding.FORMATS` for the original.

        Raises:
            FileNotFoundError: The file does not exist.
            StorageError: The object store does not respond or denies access.
        """
        return self._blobs.read(_name(rendition, sha256))

    def path(self, rendition: Rendition, sha256: str) -> Path | None:
        """Return a file's local path.

        Args:
            rendition: Which of the asset's files.
            sha256: SHA-256 of the original.

        Returns:
            The path, whether or not the file exists; None if the store is remote.
        """
        return self._blobs.path(_name(rendition, sha256))

    def store(self, sha256: str, data: bytes, picture: Picture) -> None:
        """Write the original and both renditions, skipping files that exist.

        Args:
            sha256: SHA-256 of `data`.
            data: The original file.
            picture: The decoded original, from which the renditions are made.

        Raises:
            StorageError: The disk is full, or the store is unreachable or not writable.
        """
        known = self._has(Rendition.ORIGINAL, sha256)  # without the original there are no renditions to look for
        for rendition, side in _SIDES.items():
            if not (known and self._has(rendition, sha256)):
                self._blobs.write(_name(rendition, sha256), encode_jpeg(picture.image, side))
        if not known:
            self._blobs.write(_name(Rendition.ORIGINAL, sha256), data)

    def store_original(self, sha256: str, data: bytes) -> None:
        """Write only the original, unless it exists; `store` or `repair` adds the renditions later.

        Args:
            sha256: SHA-256 of `data`.
            data: The original file.

        Raises:
            StorageError: The disk is full, or the store is unreachable or not writable.
        """
        if not self._has(Rendition.ORIGINAL, sha256):
            self._blobs.write(_name(Rendition.ORIGINAL, sha256), data)

    def repair(self, sha256: str, max_pixels: int) -> None:
        """Recreate missing renditions from the original; a no-op if the original is missing.

        Args:
            sha256: SHA-256 of the original.
            max_pixels: Larger originals are rejected; see `open_picture`.

        Raises:
            PictureError: The original can no longer be decoded.
            StorageError: The disk is full, or the store is unreachable or not writable.
        """
        if self._has(Rendition.ORIGINAL, sha256) and not self.has(sha256):
            data = self.read(Rendition.ORIGINAL, sha256)
            self.store(sha256, data, open_picture(data, max_pixels=max_pixels))

    def has(self, sha256: str) -> bool:
        """Check for all files of an asset.

        Args:
            sha256: SHA-256 of the original.

        Returns:
            Whether the original and both renditions exist.

        Raises:
            StorageError: The object store does not respond or denies access.
        """
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
    """Load an image and prepare it for an encoder: the original, else the screen copy.

    Raises:
        FileNotFoundError: Neither file exists.
        PictureError: Neither file can be decoded.
    """
    try:
        picture = open_picture(archive.read(Rendition.ORIGINAL, sha256), max_pixels=max_pixels)
    except (FileNotFoundError, PictureError):  # not kept, or of a kind that is refused today, such as RAW
        picture = open_picture(archive.read(Rendition.SCREEN, sha256), max_pixels=max_pixels)
    return encoder.prepare(picture.image)
