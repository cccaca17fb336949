"""The Chroma index: tag classifiers and picture vectors, copied from SQL through an outbox.

chromadb 1.5.9 loses collections when its process is killed, and two processes corrupt each other's folder. So
Chroma holds only copies: one process opens the folder, after a subprocess has probed it (a damaged index can crash
the process), and damage is repaired by rebuilding from SQL. A server is checked the same way, and again after an
outage, since it may come back without its records.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import func, select

from tagging_core.errors import BusyError, UnreachableError
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.search.chroma_backends import ChromaBackend, DamagedError
from tagging_core.search.chroma_feeder import ChromaFeeder, pictures_of
from tagging_core.storage import Database
from tagging_core.storage.schema import learned, outbox
from tagging_core.storage.schema import vectors as vector_table

_log = logging.getLogger(__name__)
_OPENING_SECONDS = 20.0
_TAGS = {"sync_threshold": 1_000, "batch_size": 100, "ef_construction": 32}
_ASSETS = {"sync_threshold": 20_000, "batch_size": 100, "ef_search": 300}
"""`sync_threshold`: rows until Chroma writes its index files and truncates its log. Never writing those of tags
would protect them from being torn by a kill, but changes slow down as the log grows: 29 ms after 2,200 rows, 90 ms
after 5,500, against 9 ms. `ef_search`: with Chroma's default of 100, one search in sixty over 100,000 pictures
missed every near neighbour; with 300 none did."""


class ChromaIndex:
    """Two collections per model, `tags` and `assets`; all are kept up to date, the active model's are searched.

    Args:
        place: Chroma's folder, which no other process may open, or its server.
        database: The store of record.

    Attributes:
        fingerprint: The active model; part of its collections' names.
    """

    def __init__(self, place: ChromaBackend, database: Database) -> None:
        self.place = place
        self._database = database
        self.fingerprint = ""
        self.taxonomies = TaxonomyCache()
        self.client: Any = None
        self._outage = ""  # why the server cannot be reached
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self.is_served = False  # whether this process may open it
        self.feeder = ChromaFeeder(self, database)

    def bind(self, fingerprint: str, taxonomies: TaxonomyCache) -> None:
        """Search the collections of a model from now on.

        Args:
            fingerprint: The model.
            taxonomies: Source of the tag names that are stored with the classifiers.
        """
        self.fingerprint, self.taxonomies = fingerprint, taxonomies

    def open(self) -> str:
        """Open the backend; clear it and queue a rebuild if it is damaged or disagrees with SQL.

        Returns:
            `opened`, `made`, or `rebuilt: ...` with the reason.

        Raises:
            UnreachableError: The server does not answer.
            StorageError: The server is Chroma's Python server, which has a known vulnerability.
        """
        with self._tracking_outage():
            fresh = self.place.is_new()
        trouble = "" if fresh else self.trouble()
        if trouble:
            _log.warning("rebuilding Chroma from SQL: %s", trouble)
            self.place.clear()
        if fresh or trouble:
            self.feeder.requeue()  # first, so that an open index is never empty without saying so
        self.connect()
        return f"rebuilt: {trouble}" if trouble else "made" if fresh else "opened"

    def connect(self) -> None:
        """Open the backend without checking its contents.

        Raises:
            UnreachableError: The server does not answer.
            StorageError: The server is Chroma's Python server, which has a known vulnerability.
        """
        with self._tracking_outage():
            self.client = self.place.connect()
        self._outage = ""
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether the index can be searched and fed; False during an outage of the server."""
        return self._opened.is_set()

    def require_served(self) -> None:
        """Check that this process serves the index.

        Raises:
            BusyError: It does not; only the process that runs the worker does.
        """
        if not self.is_served:
            raise BusyError(
                "Only the process that runs the worker opens the search index: search in its console or REST "
                "service, or call start() here if none runs."
            )

    def nearest(
        self, directions: np.ndarray, size: int, among: Sequence[int] | None = None
    ) -> list[dict[int, float]]:
        """Find the assets whose vectors have the highest cosine similarity with each direction.

        Args:
            directions: `(q, d)` of any length.
            size: Maximum number of assets for each direction.
            among: Restricts the search to these asset ids, of which there may be thousands.

        Returns:
            For each direction, asset ids with the cosine in [-1, 1], nearest first.

        Raises:
            BusyError: The index is not open yet.
            UnreachableError: The server does not answer.
        """
        if self._outage:
            raise UnreachableError(self._outage)
        if not self._opened.wait(_OPENING_SECONDS):
            raise BusyError("The search index is still opening. Try again in a minute.")
        with self.calling():
            collection = self.collection("assets")
            size = min(size, collection.count())
            if not size:
                return [{} for _ in directions]
            found = _query(collection, directions, size, among=among)
        return [
            {int(i): 1 - d for i, d in zip(ids, distances, strict=True)}
            for ids, distances in zip(found["ids"], found["distances"], strict=True)
        ]

    def counts(self) -> dict[str, int]:
        """Count the records of the active model's collections; the index must be open.

        Returns:
            Number of records by kind, `tags` and `assets`.

        Raises:
            UnreachableError: The server does not answer.
        """
        with self.calling():
            return {kind: self.collection(kind).count() for kind in ("tags", "assets")}

    def tag_record(self, tag_id: str) -> dict[str, Any] | None:
        """Return the metadata of a tag's record; the index must be open.

        Args:
            tag_id: The tag; the id of a merged one is not redirected.

        Returns:
            Names (`name_en`), `category`, `state`, `bias`, `revision`, `accepted`, `rejected`; None if absent.

        Raises:
            UnreachableError: The server does not answer.
        """
        with self.calling():
            found = self.collection("tags").get(ids=[tag_id], include=["metadatas"])
        return dict(found["metadatas"][0]) if found["ids"] else None

    def trouble(self) -> str:
        """Check that the active model's collections are intact and agree with SQL.

        Returns:
            What is wrong, as a clause about the index; empty if nothing is.

        Raises:
            UnreachableError: The server does not answer.
            StorageError: The server is Chroma's Python server, which has a known vulnerability.
        """
        try:
            return self._mismatch(self.place.counts())
        except DamagedError as error:
            return str(error)

    def _mismatch(self, counts: dict[str, int]) -> str:
        """Compare record counts with SQL, tolerating a difference of as many records as are queued."""
        with self._database.read() as connection:
            queued = select(outbox.c.kind, func.count(outbox.c.key.distinct())).group_by(outbox.c.kind)
            queued = queued.where(outbox.c.fingerprint == self.fingerprint)
            pending = {kind: int(n) for kind, n in connection.execute(queued)}
            expected = self.expected(connection)
        for kind, rows in (("tags", "tag"), ("assets", "asset")):
            have, want = counts.get(self.name(kind), 0), expected[kind]
            slack = pending.get(rows, 0)  # insertions, or deletions of merged and deleted tags
            if not want - slack <= have <= want + slack:
                return f"its {kind} collection holds {have} of {want} records"
        return ""

    def expected(self, connection: Any) -> dict[str, int]:
        """Count the records that the active model's collections should hold according to SQL.

        Args:
            connection: A read transaction.

        Returns:
            Number of records by kind, `tags` and `assets`, once the outbox has been processed.
        """
        known = select(func.count()).select_from(learned).where(learned.c.fingerprint == self.fingerprint)
        pictures = select(func.count()).select_from(vector_table).where(*pictures_of(self.fingerprint))
        return {
            "tags": int(connection.execute(known).scalar_one()),
            "assets": int(connection.execute(pictures).scalar_one()),
        }

    def name(self, kind: str) -> str:
        """Return the name of one of the active model's collections.

        Args:
            kind: `tags` or `assets`.

        Returns:
            The kind and the fingerprint, joined by a hyphen.
        """
        return f"{kind}-{self.fingerprint}"

    def close(self) -> None:
        """Disconnect from the backend; the index can be opened again."""
        if self.client is not None:
            self.client = None
            self._opened.clear()
            self.place.disconnect()

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Serialize calls to the client and translate its errors.

        Yields:
            Nothing; the calling thread holds the lock, which is not reentrant, until the block ends.

        Raises:
            UnreachableError: The server does not answer; the index counts as closed until `connect` succeeds.
        """
        with self._lock, self._tracking_outage(), self.place.translate_errors():
            yield

    @contextlib.contextmanager
    def _tracking_outage(self) -> Iterator[None]:
        """Mark the index as closed, and keep the reason, when the server does not answer."""
        try:
            yield
        except UnreachableError as error:
            self._outage = str(error)
            self._opened.clear()
            raise

    def collection(self, kind: str, fingerprint: str = "") -> Any:
        """Return a collection, which is created if it is missing; to be called within `calling`.

        Args:
            kind: `tags` or `assets`.
            fingerprint: The model; the active one if empty.

        Returns:
            A chromadb collection with cosine distance.
        """
        fingerprint = fingerprint or self.fingerprint
        return self.client.get_or_create_collection(
            f"{kind}-{fingerprint}",
            embedding_function=None,
            metadata={"fingerprint": fingerprint},
            configuration={"hnsw": {"space": "cosine", **(_TAGS if kind == "tags" else _ASSETS)}},
        )


def _query(collection: Any, directions: np.ndarray, size: int, *, among: Sequence[int] | None) -> Any:
    from chromadb.errors import InternalError

    matrix = np.asarray(directions, np.float32)
    arguments: dict[str, Any] = {"query_embeddings": matrix, "n_results": size, "include": ["distances"]}
    if among is None:
        return collection.query(**arguments)
    ids = [str(asset_id) for asset_id in among]
    try:
        return collection.query(**arguments, ids=ids)
    except InternalError:  # some ids are not in the index yet
        ids = collection.get(ids=ids, include=[])["ids"]
    if not ids:
        return {"ids": [[] for _ in directions], "distances": [[] for _ in directions]}
    return collection.query(**arguments, ids=ids)
