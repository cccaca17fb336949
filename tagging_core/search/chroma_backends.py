"""Chroma backends: an embedded one in a local folder, or a server that several processes share."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tagging_core.errors import StorageError, UnreachableError

_DATABASE = "tagloop"
_PROBE_SECONDS = 120
_PROBE = """
import json, sys
import chromadb
from chromadb.config import Settings
client = chromadb.PersistentClient(sys.argv[1], settings=Settings(anonymized_telemetry=False))
counts = {}
for collection in client.list_collections():
    sample = collection.peek(1)
    if len(sample["ids"]):
        collection.query(query_embeddings=[list(map(float, sample["embeddings"][0]))], n_results=1)
    counts[collection.name] = collection.count()
print(json.dumps(counts))
"""


class DamagedError(Exception):
    """A Chroma folder cannot be opened; the message says why."""


class ChromaBackend(Protocol):
    """Storage of Chroma's collections, as `ChromaIndex` uses it."""

    def is_new(self) -> bool:
        """Whether there are no collections yet."""

    def counts(self) -> dict[str, int]:
        """Return the number of records by collection name.

        Raises:
            DamagedError: The folder cannot be opened.
            UnreachableError: The server does not answer.
        """

    def clear(self) -> None:
        """Discard all collections so that they can be rebuilt."""

    def connect(self) -> Any:
        """Return a chromadb client."""

    def disconnect(self) -> None:
        """Release the client, so that this process can open the backend again."""

    def translate_errors(self) -> AbstractContextManager[None]:
        """Turn a client's connection errors into UnreachableError."""


class LocalChroma:
    """Embedded Chroma in a folder that no other process may open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def is_new(self) -> bool:
        """See `ChromaBackend.is_new`."""
        return not self.folder.exists()

    def counts(self) -> dict[str, int]:
        """See `ChromaBackend.counts`; runs in a subprocess, because a damaged index can crash the process."""
        return _probe(self.folder)

    def clear(self) -> None:
        """Rename the folder for later inspection; only the latest damaged folder is kept."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self.folder.rename(self.folder.with_name(f"{self.folder.name}-damaged-{stamp}"))
        damaged = sorted(self.folder.parent.glob(f"{self.folder.name}-damaged-*"))
        for old in damaged[:-1]:  # all data are in SQL
            shutil.rmtree(old, ignore_errors=True)

    def connect(self) -> Any:
        """See `ChromaBackend.connect`."""
        import chromadb
        from chromadb.config import Settings

        self.folder.mkdir(parents=True, exist_ok=True)
        return chromadb.PersistentClient(str(self.folder), settings=Settings(anonymized_telemetry=False))

    def disconnect(self) -> None:
        """See `ChromaBackend.disconnect`."""
        _clear_client_cache()

    def translate_errors(self) -> AbstractContextManager[None]:
        """See `ChromaBackend.translate_errors`; there is no connection to lose."""
        return contextlib.nullcontext()


class ChromaServer:
    """A database on a server started by `chroma run`.

    Args:
        url: `http://HOST:PORT`, with the database name as path if several installations share the server.

    Raises:
        StorageError: The URL is invalid or its address is public: Chroma has no authentication.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StorageError(f"TAGLOOP_CHROMA_URL={url!r} is not a valid URL such as http://127.0.0.1:8000.")
        _require_private(url, parts.hostname)
        self._host, self._tls = parts.hostname, parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 8000)
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._name = parts.path.strip("/") or _DATABASE

    def is_new(self) -> bool:
        """See `ChromaBackend.is_new`."""
        return not self.counts()

    def counts(self) -> dict[str, int]:
        """See `ChromaBackend.counts`."""
        client = self.connect()
        with self.translate_errors():
            return {collection.name: collection.count() for collection in client.list_collections()}

    def clear(self) -> None:
        """Delete the collections; all data are in SQL."""
        client = self.connect()
        with self.translate_errors():
            for collection in client.list_collections():
                client.delete_collection(collection.name)

    def connect(self) -> Any:
        """See `ChromaBackend.connect`; creates the database if it is missing.

        Raises:
            UnreachableError: The server does not answer.
            StorageError: It is Chroma's Python server, which has a known vulnerability.
        """
        import chromadb
        import httpx
        from chromadb.errors import NotFoundError, UniqueConstraintError

        with self.translate_errors():
            if httpx.get(f"{self._base}/api/v2/version").json() == chromadb.__version__:
                raise StorageError(
                    f"{self._base} is Chroma's Python server, which allows remote code execution (CVE-2026-45829). "
                    "Use the Rust server that `chroma run` starts."
                )
            settings = self._settings()
            admin = chromadb.AdminClient(settings)
            try:
                admin.get_database(self._name)
            except NotFoundError:
                with contextlib.suppress(UniqueConstraintError):  # another process created it first
                    admin.create_database(self._name)
            return chromadb.HttpClient(
                self._host, self._port, ssl=self._tls, settings=settings, database=self._name
            )

    def disconnect(self) -> None:
        """See `ChromaBackend.disconnect`."""
        _clear_client_cache()

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """See `ChromaBackend.translate_errors`."""
        import httpx

        try:
            yield
        except (httpx.TransportError, ValueError) as error:
            if isinstance(error, ValueError) and "Could not connect" not in str(error):
                raise
            raise UnreachableError(
                f"Chroma's server at {self._base} does not answer: {error}. "
                "Search is unavailable until it is back; no data are lost."
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
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise StorageError(f"TAGLOOP_CHROMA_URL={url!r}: the host {host} cannot be resolved: {error}.") from error
    if public := sorted(a for a in addresses if not ipaddress.ip_address(a.partition("%")[0]).is_private):
        raise StorageError(
            f"TAGLOOP_CHROMA_URL={url!r} resolves to the public address {public[0]}. Chroma has no authentication: "
            "run it on this machine or in a private network."
        )


def _probe(folder: Path) -> dict[str, int]:
    """Open a folder in a subprocess and search each collection once; return the record counts."""
    command = [sys.executable, "-c", _PROBE, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DamagedError(f"it did not open within {_PROBE_SECONDS} seconds") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise DamagedError(lines[-1][:200] if lines else f"opening it crashed with signal {-done.returncode}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _clear_client_cache() -> None:
    from chromadb.api.shared_system_client import SharedSystemClient

    with contextlib.suppress(AttributeError):
        SharedSystemClient.clear_system_cache()
