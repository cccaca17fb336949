"""Where Chroma's collections are: in a folder of this process, or at a server that several processes share."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tagging_core.errors import StorageError, UnreachableError
from tagging_core.search.chroma_probe import probe

_DATABASE = "tagloop"


class ChromaBackend(Protocol):
    """What the index needs of either."""

    def is_new(self) -> bool:
        """Whether nothing was ever put there."""

    def counts(self) -> dict[str, int]:
        """Records by the collection's name.

        Raises:
            DamagedError: It cannot be opened; says why.
        """

    def clear(self) -> None:
        """Make room for collections that are filled anew."""

    def connect(self) -> Any:
        """A client of chromadb."""

    def disconnect(self) -> None:
        """Let go, so that it may be opened again in this process."""

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turns what a client raises when nobody answers into an UnreachableError."""


class LocalChroma:
    """A folder that this process alone opens.

    Args:
        folder: Chroma's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_new(self) -> bool:
        """See `Place.is_new`."""
        return not self.folder.exists()

    def counts(self) -> dict[str, int]:
        """See `Place.counts`; looked up in a process of its own, which a damaged folder may end."""
        return probe(self.folder)

    def clear(self) -> None:
        """Set the folder aside, to be looked into."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self.folder.rename(self.folder.with_name(f"{self.folder.name}-damaged-{stamp}"))
        damaged = sorted(self.folder.parent.glob(f"{self.folder.name}-damaged-*"))
        for old in damaged[:-1]:  # one is enough to look into; all it held is in SQL
            shutil.rmtree(old, ignore_errors=True)

    def connect(self) -> Any:
        """See `Place.connect`."""
        import chromadb
        from chromadb.config import Settings

        self.folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(str(self.folder), settings=Settings(anonymized_telemetry=False))

    def disconnect(self) -> None:
        """See `Place.disconnect`."""
        _forget_clients()

    def translate_errors(self) -> AbstractContextManager[None]:
        """See `Place.told_plainly`: it always answers."""
        return contextlib.nullcontext()


class ChromaServer:
    """A database of a server that `chroma run` started.

    Args:
        url: `http://HOST:PORT`, with the database's name as path if several installations share the server.

    Raises:
        StorageError: The address is not a private one: Chroma asks nobody who they are.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StorageError(f"TAGLOOP_CHROMA_URL={url!r} is no address such as http://127.0.0.1:8000.")
        _require_private(url, parts.hostname)
        self._host, self._tls = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 8000)
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._name = parts.path.strip("/") or _DATABASE

    def is_new(self) -> bool:
        """See `Place.is_new`."""
        return not self.counts()

    def counts(self) -> dict[str, int]:
        """See `Place.counts`."""
        client = self.connect()
        with self.translate_errors():
            return {collection.name: collection.count() for collection in client.list_collections()}

    def clear(self) -> None:
        """Remove the collections; all they held is in SQL."""
        client = self.connect()
        with self.translate_errors():
            for collection in client.list_collections():
                client.delete_collection(collection.name)

    def connect(self) -> Any:
        """See `Place.connect`.

        Raises:
            UnreachableError: The server cannot be reached.
            StorageError: It is the one with the hole.
        """
        import chromadb
        import httpx
        from chromadb.errors import NotFoundError, UniqueConstraintError

        with self.translate_errors():
            if httpx.get(f"{self._base}/api/v2/version").json() == chromadb.__version__:
                raise StorageError(
                    f"At {self._base} answers Chroma's server in Python, which runs foreign code (CVE-2026-45829). "
                    "Start the one that `chroma run` starts, which is written in Rust."
                )
            settings = self._settings()
            administrator = chromadb.AdminClient(settings)
            try:
                administrator.get_database(self._name)
            except NotFoundError:
                with contextlib.suppress(UniqueConstraintError):  # another process was faster
                    administrator.create_database(self._name)
            return chromadb.HttpClient(
                self._host, self._port, ssl=self._tls, settings=settings, database=self._name
            )

    def disconnect(self) -> None:
        """See `Place.disconnect`."""
        _forget_clients()

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """See `Place.told_plainly`."""
        import httpx

        try:
            yield
        except (httpx.TransportError, ValueError) as error:
            if isinstance(error, ValueError) and "Could not connect" not in str(error):
                raise
            raise UnreachableError(
                f"Chroma's server at {self._base} does not answer: {error}. Search waits for it; nothing is lost."
            ) from error

    def _settings(self) -> Any:
        from chromadb.config import Settings

        return Settings(
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=self._host,
            chroma_server_http_port=self._port,
            chroma_server_ssl_enabled=self._tls,
            anonymized_telemetry=False,
        )


def _require_private(url: str, host: str) -> None:
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise StorageError(f"TAGLOOP_CHROMA_URL={url!r} names {host}, which is not known here: {error}.") from error
    if public := sorted(a for a in found if not ipaddress.ip_address(a.partition("%")[0]).is_private):
        raise StorageError(
            f"TAGLOOP_CHROMA_URL={url!r} leads to {public[0]}, an address that others reach. Chroma asks nobody "
            "who they are: run it on this machine or in a private network."
        )


def _forget_clients() -> None:
    from chromadb.api.shared_system_client import SharedSystemClient

    with contextlib.suppress(AttributeError):
        SharedSystemClient.clear_system_cache()
