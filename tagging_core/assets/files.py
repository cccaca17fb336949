"""The picture files: originals, screen-size copies and thumbnails, named by the SHA-256 of the original."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path

from PIL import Image

from tagging_core.assets.decoding import SCREEN_SIDE, THUMBNAIL_SIDE, Picture, encode_jpeg, open_picture
from tagging_core.embeddings.encoders import Encoder
from tagging_core.storage.blobs import BlobStore


class Rendition(StrEnum):
    """A picture as it came, or as an upright JPEG without metadata of at most 1,400 or 320 pixels a side."""

    ORIGINAL = "original"
    SCREEN = "screen"
    THUMBNAIL = "thumbnail"


_SIDES = {Rendition.SCREEN: SCREEN_SIDE, Rendition.THUMBNAIL: THUMBNAIL_SIDE}


class ImageFiles:
    """Pictures in a blobs, each written once; no name of theirs comes from a client.

    Args:
        blobs: Where they lie.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, rendition: Rendition, sha256: str) -> bytes:
        """A picture's file.

        Raises:
            FileNotFoundError: It is not there.
            UnreachableError: The object store does not answer.
        """
        return self._blobs.read(_name(rendition, sha256))

    def path(self, rendition: Rendition, sha256: str) -> Path | None:
        """Where it lies, or would, on this machine; None if pictures lie elsewhere."""
        return self._blobs.path(_name(rendition, sha256))

    def store(self, sha256: str, data: bytes, picture: Picture) -> None:
        """Write the original and both renditions; files that are there already stay.

        Raises:
            StorageError: The disk is full or nothing may be written there.
        """
        known = self._has(Rendition.ORIGINAL, sha256)  # a picture that is new has no rendition either
        for rendition, side in _SIDES.items():
            if not (known and self._has(rendition, sha256)):
                self._blobs.write(_name(rendition, sha256), encode_jpeg(picture.image, side))
        if not known:
            self._blobs.write(_name(Rendition.ORIGINAL, sha256), data)

    def store_original(self, sha256: str, data: bytes) -> None:
        """Write the original alone; `keep` adds the renditions, and `mend` does where that never came to pass."""
        if not self._has(Rendition.ORIGINAL, sha256):
            self._blobs.write(_name(Rendition.ORIGINAL, sha256), data)

    def repair(self, sha256: str, max_pixels: int) -> None:
        """Make renditions that are missing from the original, if that is here.

        Raises:
            PictureError: The original cannot be read any more.
            StorageError: The disk is full or nothing may be written there.
        """
        if self._has(Rendition.ORIGINAL, sha256) and not self.has(sha256):
            data = self.read(Rendition.ORIGINAL, sha256)
            self.store(sha256, data, open_picture(data, max_pixels=max_pixels))

    def has(self, sha256: str) -> bool:
        """Whether original and renditions are all there."""
        return all(self._has(rendition, sha256) for rendition in Rendition)

    def _has(self, rendition: Rendition, sha256: str) -> bool:
        return self._blobs.exists(_name(rendition, sha256))


def sha256_of(data: bytes) -> str:
    """The name of these bytes: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _name(rendition: Rendition, sha256: str) -> str:
    ending = ".jpg" if rendition in _SIDES else ""
    return f"archive/{rendition}s/{sha256[:2]}/{sha256}{ending}"


def open_prepared(archive: ImageFiles, encoder: Encoder, sha256: str, max_pixels: int) -> Image.Image:
    """A picture of the archive as an encoder takes it; the smaller copy, where the original is not kept.

    Raises:
        OSError: The file is not there.
        PictureError: It cannot be read.
    """
    try:
        data = archive.read(Rendition.ORIGINAL, sha256)
    except FileNotFoundError:
        data = archive.read(Rendition.SCREEN, sha256)
    return encoder.prepare(open_picture(data, max_pixels=max_pixels).image)
