"""Blob stores: files by name, in a local folder or an object store.

A name is a relative path with `/` as separator. Writes are atomic: a reader never sees a partial file.
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
    """Reads and writes files by name."""

    def exists(self, name: str) -> bool:
        """Return whether a file exists.

        Args:
            name: Relative path with `/` as separator.

        Returns:
            Whether there is a complete file of this name.

        Raises:
            StorageError: The object store denies access.
            UnreachableError: The object store does not respond.
        """

    def read(self, name: str) -> bytes:
        """Read a file.

        Args:
            name: Relative path with `/` as separator.

        Returns:
            Its whole content.

        Raises:
            FileNotFoundError: The file does not exist.
            StorageError: The object store denies access.
            UnreachableError: The object store does not respond.
        """

    def write(self, name: str, data: bytes) -> None:
        """Create or overwrite a file.

        Args:
            name: Relative path with `/` as separator; missing folders are created.
            data: Its whole content.

        Raises:
            StorageError: The disk is full or write access is denied.
            UnreachableError: The object store does not respond.
        """

    def remove(self, name: str) -> None:
        """Delete a file.

        Args:
            name: Relative path with `/` as separator; a missing file is not an error.

        Raises:
            StorageError: The object store denies access.
            UnreachableError: The object store does not respond.
        """

    def older_than(self, prefix: str, seconds: float) -> Iterator[str]:
        """List the files below a folder that were not written recently.

        Args:
            prefix: The folder, searched with all its subfolders.
            seconds: Minimum age, by the time of the last write; 0 lists all files.

        Returns:
            Their names, in no particular order; none if the folder does not exist.

        Raises:
            StorageError: The object store denies access.
            UnreachableError: The object store does not respond.
        """

    def path(self, name: str) -> Path | None:
        """Return where a file lies on this machine.

        Args:
            name: Relative path with `/` as separator.

        Returns:
            Its absolute path, whether the file exists or not; None for an object store.
        """


class LocalBlobStore:
    """Files below a local folder.

    Args:
        root: The folder; created on the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def exists(self, name: str) -> bool:
        """See `BlobStore`."""
        return self.path(name).exists()

    def read(self, name: str) -> bytes:
        """See `BlobStore`."""
        return self.path(name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """See `BlobStore`."""
        write_atomically(self.path(name), data)

    def remove(self, name: str) -> None:
        """See `BlobStore`."""
        self.path(name).unlink(missing_ok=True)

    def older_than(self, prefix: str, seconds: float) -> Iterator[str]:
        """See `BlobStore`."""
        latest = time.time() - seconds
        for path in self.path(prefix).rglob("*"):
            if path.is_file() and path.stat().st_mtime <= latest:
                yield path.relative_to(self.root).as_posix()

    def path(self, name: str) -> Path:
        """See `BlobStore`."""
        _require_inside(name)
        return self.root / name


class S3BlobStore:
    """Files in an S3 object store, or any other file system that fsspec supports.

    Args:
        url: Such as `s3://bucket/prefix`. Credentials and the endpoint of a self-hosted store come from the usual
            variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL.

    Raises:
        SettingsError: The URL is malformed or its scheme is not supported.
    """

    def __init__(self, url: str) -> None:
        scheme = url.partition("://")[0]
        try:
            options = _OPTIONS.get(scheme, {})
            self._files, root = fsspec.url_to_fs(url, skip_instance_cache=True, **options)
        except (ValueError, ImportError) as error:
            raise SettingsError(
                f"TAGLOOP_ASSETS_URL={url!r} is invalid: {error}. Expected s3://BUCKET/PREFIX, or an empty value "
                "for the data folder."
            ) from error
        self._root, self._url = root.rstrip("/"), url

    def exists(self, name: str) -> bool:
        """See `BlobStore`."""
        with self._translate_errors():
            return bool(self._files.exists(self._key(name)))

    def read(self, name: str) -> bytes:
        """See `BlobStore`."""
        with self._translate_errors():
            return bytes(self._files.cat_file(self._key(name)))

    def write(self, name: str, data: bytes) -> None:
        """See `BlobStore`."""
        with self._translate_errors():
            self._files.pipe_file(self._key(name), data)

    def remove(self, name: str) -> None:
        """See `BlobStore`."""
        with self._translate_errors(), _ignore_missing():
            self._files.rm_file(self._key(name))

    def older_than(self, prefix: str, seconds: float) -> Iterator[str]:
        """See `BlobStore`."""
        latest = time.time() - seconds
        with self._translate_errors():
            found = self._files.find(self._key(prefix), detail=True)
        for key, entry in found.items():
            if entry["LastModified"].timestamp() <= latest:
                yield key.removeprefix(f"{self._root}/")

    def path(self, name: str) -> None:
        """See `BlobStore`."""

    def _key(self, name: str) -> str:
        _require_inside(name)
        return f"{self._root}/{name}"

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            message = (
                f"Access to {self._url} was denied: {error}. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
            raise StorageError(message) from error
        except (OSError, BotoCoreError, ClientError) as error:
            message = f"The object store at {self._url} cannot be reached: {error}. Try again."
            raise UnreachableError(message) from error


def open_blobs(url: str, folder: Path) -> BlobStore:
    """Open an installation's store of picture files.

    Args:
        url: `s3://BUCKET/PREFIX`, or empty for the local folder.
        folder: Used if `url` is empty.

    Returns:
        The store; it is first contacted, or its folder created, when it is used.

    Raises:
        SettingsError: The URL is malformed or its scheme is not supported.
    """
    return S3BlobStore(url) if url else LocalBlobStore(folder)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file through a temporary file and a rename, so that no reader or crash sees a partial one.

    Raises:
        StorageError: The disk is full or the folder is not writable.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"The disk is full: {path.parent} has no room for {len(data):,} more bytes."
            ) from error
        raise StorageError(f"{path.parent} cannot be written: {error.strerror}.") from error


def _require_inside(name: str) -> None:
    """Refuse a name that leads out of the store, whoever made it up."""
    if name.startswith("/") or "\0" in name or ".." in name.replace("\\", "/").split("/"):
        raise StorageError(f"{name[:200]!r} is not the name of a file in the store.")


@contextmanager
def _ignore_missing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        return
