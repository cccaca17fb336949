"""Depots: where files lie, by name: a folder of this machine, or a bucket of an object store.

A name is a relative path with `/`; a file is there whole or not at all.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import fsspec
from botocore.exceptions import BotoCoreError, ClientError

from tagging_core.errors import SettingsError, StorageError, UnreachableError

_OPTIONS = {"s3": {"use_listings_cache": False, "config_kwargs": {"max_pool_connections": 64}}}


class BlobStore(Protocol):
    """Keeps files."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: There is none.
            UnreachableError: The object store does not answer.
        """

    def write(self, name: str, data: bytes) -> None:
        """Keep a file, in place of one of that name.

        Raises:
            StorageError: The disk is full, or nothing may be written there.
        """

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def older_than(self, prefix: str, seconds: float) -> Iterator[str]:
        """Names of files below a prefix that were written so long ago."""

    def path(self, name: str) -> Path | None:
        """Where a file lies on this machine; None if it lies elsewhere."""


class LocalBlobStore:
    """Files below a folder.

    Args:
        root: The folder; made if missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def exists(self, name: str) -> bool:
        """See `Depot`."""
        return self.path(name).exists()

    def read(self, name: str) -> bytes:
        """See `Depot`."""
        return self.path(name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """See `Depot`."""
        write_atomically(self.path(name), data)

    def remove(self, name: str) -> None:
        """See `Depot`."""
        self.path(name).unlink(missing_ok=True)

    def older_than(self, prefix: str, seconds: float) -> Iterator[str]:
        """See `Depot`."""
        latest = time.time() - seconds
        for path in self.path(prefix).rglob("*"):
            if path.is_file() and path.stat().st_mtime <= latest:
                yield path.relative_to(self.root).as_posix()

    def path(self, name: str) -> Path:
        """See `Depot`."""
        return self.root / name


class S3BlobStore:
    """Files in an object store, or in whatever else fsspec reaches.

    Args:
        url: Such as `s3://bucket/prefix`; keys and the address of a store of one's own come from the usual
            variables, such as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL.

    Raises:
        SettingsError: The URL names nothing that can be reached.
    """

    def __init__(self, url: str) -> None:
        scheme = url.partition("://")[0]
        try:
            options = _OPTIONS.get(scheme, {})
            self._files, root = fsspec.url_to_fs(url, skip_instance_cache=True, **options)
        except (ValueError, ImportError) as error:
            raise SettingsError(
                f"TAGLOOP_ASSETS_URL={url!r} cannot be used: {error}. Expected s3://BUCKET/PREFIX, or nothing for "
                "the data folder."
            ) from error
        self._root, self._url = root.rstrip("/"), url

    def exists(self, name: str) -> bool:
        """See `Depot`."""
        with self._translate_errors():
            return bool(self._files.exists(self._key(name)))

    def read(self, name: str) -> bytes:
        """See `Depot`."""
        with self._translate_errors():
            return bytes(self._files.cat_file(self._key(name)))

    def write(self, name: str, data: bytes) -> None:
        """See `Depot`."""
        with self._translate_errors():
            self._files.pipe_file(self._key(name), data)

    def remove(self, name: str) -> None:
        """See `Depot`."""
        with self._translate_errors(), _unless_missing():
            self._files.rm_file(self._key(name))

    def older_than(self, prefix: str, seconds: float) -> Iterator[str]:
        """See `Depot`."""
        latest = time.time() - seconds
        with self._translate_errors():
            found = self._files.find(self._key(prefix), detail=True)
        for key, entry in found.items():
            if entry["LastModified"].timestamp() <= latest:
                yield key.removeprefix(f"{self._root}/")

    def path(self, name: str) -> None:
        """See `Depot`."""

    def _key(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise StorageError(f"{self._url} refuses: {error}. See AWS_ACCESS_KEY_ID and its secret.") from error
        except (OSError, BotoCoreError, ClientError) as error:
            told = f"The picture files at {self._url} cannot be reached: {error}. Try again."
            raise UnreachableError(told) from error


def open_blobs(url: str, folder: Path) -> BlobStore:
    """Open the store of an installation's picture files.

    Args:
        url: `s3://BUCKET/PREFIX`; empty for the folder.
        folder: Where files are kept if there is no URL.

    Raises:
        SettingsError: The URL names nothing that can be reached.
    """
    return S3BlobStore(url) if url else LocalBlobStore(folder)


def write_atomically(path: Path, data: bytes) -> None:
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


@contextmanager
def _unless_missing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        return
