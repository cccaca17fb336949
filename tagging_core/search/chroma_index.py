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
from sqlalchemy import ColumnElement, Select, delete, func, select

from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import unit
from tagging_core.errors import BusyError, UnreachableError
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.search.chroma_backends import ChromaBackend, DamagedError
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import assets, learned, outbox
from tagging_core.storage.schema import vectors as vector_table

_log = logging.getLogger(__name__)
_BATCH = 128
_NEWEST = 4  # tags that `feed_taught` writes at most; one decision fits no more at once
_OPENING_SECONDS = 20.0

REBUILD = "chroma.rebuild"
"""Key set by a process that may not open Chroma, to request a rebuild from the one that has it open."""
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
        self._taxonomies = TaxonomyCache()
        self._client: Any = None
        self._outage = ""  # why the server cannot be reached
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self.is_served = False  # whether this process may open it

    def bind(self, fingerprint: str, taxonomies: TaxonomyCache) -> None:
        """Search the collections of this model from now on."""
        self.fingerprint, self._taxonomies = fingerprint, taxonomies

    def open(self) -> str:
        """Open the backend; clear it and queue a rebuild if it is damaged or disagrees with SQL.

        Returns:
            `opened`, `made`, or `rebuilt: ...` with the reason.

        Raises:
            UnreachableError: The server does not answer.
        """
        with self._tracking_outage():
            fresh = self.place.is_new()
        trouble = "" if fresh else self.trouble()
        if trouble:
            _log.warning("rebuilding Chroma from SQL: %s", trouble)
            self.place.clear()
        self.connect()
        if fresh or trouble:
            self.requeue()
        return f"rebuilt: {trouble}" if trouble else "made" if fresh else "opened"

    def connect(self) -> None:
        """Open the backend without checking its contents."""
        with self._tracking_outage():
            self._client = self.place.connect()
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

    def requeue(self) -> None:
        """Queue the tags and assets of every model, so that `feed` rebuilds all collections."""
        with self._database.write() as connection:
            # The query below includes the queued assets, and a second upsert takes five times as long as the first.
            connection.execute(delete(outbox).where(outbox.c.kind == "asset"))
            for fingerprint in spaces.indexed(connection):
                known = select(learned.c.tag_id).where(learned.c.fingerprint == fingerprint)
                pictures = select(vector_table.c.asset_id).where(*_pictures_of(fingerprint))
                for kind, query in (("tag", known), ("asset", pictures)):
                    row = {"kind": kind, "fingerprint": fingerprint}
                    keys = [row | {"key": str(key)} for key in connection.execute(query).scalars()]
                    if keys:
                        connection.execute(outbox.insert(), keys)

    def feed(self, limit: int = 20) -> int:
        """Copy queued changes from SQL to Chroma.

        Args:
            limit: Maximum number of batches, so that the caller can do other work in between.

        Returns:
            Number of outbox rows processed.
        """
        worked = 0
        for _ in range(limit):
            fed = self._feed(select(outbox).order_by(outbox.c.id))
            if not fed:
                break
            worked += fed
        return worked

    def feed_taught(self) -> int:
        """Copy the most recently fitted tags ahead of the queue; return the number of outbox rows processed."""
        return self._feed(select(outbox).where(outbox.c.kind == "tag").order_by(outbox.c.id.desc()), limit=_NEWEST)

    def _feed(self, wanted: Select, limit: int = _BATCH) -> int:
        with self._database.read() as connection:
            rows = connection.execute(wanted.limit(limit)).all()
        if not rows:
            return 0
        for fingerprint in sorted({row.fingerprint for row in rows}):
            mine = [row for row in rows if row.fingerprint == fingerprint]
            self._put_tags(fingerprint, sorted({row.key for row in mine if row.kind == "tag"}))
            self._put_assets(fingerprint, sorted({int(row.key) for row in mine if row.kind == "asset"}))
            if any(row.kind == spaces.GONE for row in mine):
                self._remove(fingerprint)
        with self._database.write() as connection:
            connection.execute(delete(outbox).where(outbox.c.id.in_([row.id for row in rows])))
        return len(rows)

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
        with self._calling():
            collection = self._collection("assets")
            size = min(size, collection.count())
            if not size:
                return [{} for _ in directions]
            found = _query(collection, directions, size, among)
        return [
            {int(i): 1 - d for i, d in zip(ids, distances, strict=True)}
            for ids, distances in zip(found["ids"], found["distances"], strict=True)
        ]

    def pending(self) -> int:
        """Return the number of outbox rows that are not processed, plus one for a requested rebuild."""
        with self._database.read() as connection:
            waiting = int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())
            return waiting + bool(key_values.get(connection, REBUILD))

    def serve_rebuild(self) -> None:
        """Queue a rebuild if another process requested one."""
        with self._database.read() as connection:
            requested = key_values.get(connection, REBUILD)
        if requested:
            self.requeue()
            with self._database.write() as connection:
                key_values.put(connection, REBUILD, "")

    def counts(self) -> dict[str, int]:
        """Return the number of records in the active model's `tags` and `assets` collections."""
        with self._calling():
            return {kind: self._collection(kind).count() for kind in ("tags", "assets")}

    def tag_record(self, tag_id: str) -> dict[str, Any] | None:
        """Return the metadata of a tag's record; None if there is none."""
        with self._calling():
            found = self._collection("tags").get(ids=[tag_id], include=["metadatas"])
        return dict(found["metadatas"][0]) if found["ids"] else None

    def trouble(self) -> str:
        """Return what is wrong with the collections; empty if they are intact and agree with SQL."""
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
        """Return the number of records that each collection should hold according to SQL."""
        known = select(func.count()).select_from(learned).where(learned.c.fingerprint == self.fingerprint)
        pictures = select(func.count()).select_from(vector_table).where(*_pictures_of(self.fingerprint))
        return {
            "tags": int(connection.execute(known).scalar_one()),
            "assets": int(connection.execute(pictures).scalar_one()),
        }

    def name(self, kind: str) -> str:
        """Return the name of the active model's collection of a kind."""
        return f"{kind}-{self.fingerprint}"

    def close(self) -> None:
        """Disconnect from the backend; the index can be opened again."""
        if self._client is not None:
            self._client = None
            self._opened.clear()
            self.place.disconnect()

    @contextlib.contextmanager
    def _calling(self) -> Iterator[None]:
        """Serialize calls to the client and translate its errors."""
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

    def _collection(self, kind: str, fingerprint: str = "") -> Any:
        fingerprint = fingerprint or self.fingerprint
        return self._client.get_or_create_collection(
            f"{kind}-{fingerprint}",
            embedding_function=None,
            metadata={"fingerprint": fingerprint},
            configuration={"hnsw": {"space": "cosine", **(_TAGS if kind == "tags" else _ASSETS)}},
        )

    def _remove(self, fingerprint: str) -> None:
        from chromadb.errors import NotFoundError

        for kind in ("tags", "assets"):
            with self._calling(), contextlib.suppress(NotFoundError, ValueError):
                self._client.delete_collection(f"{kind}-{fingerprint}")

    def _put_tags(self, fingerprint: str, tag_ids: list[str]) -> None:
        if not tag_ids:
            return
        with self._database.read() as connection:
            taxonomy = self._taxonomies.load(connection)
            counts = taxonomy_store.counts(connection, tag_ids)
            query = select(learned).where(learned.c.fingerprint == fingerprint, learned.c.tag_id.in_(tag_ids))
            rows = [row for row in connection.execute(query) if row.tag_id in taxonomy.tags]
        if obsolete := sorted(set(tag_ids) - {row.tag_id for row in rows}):
            with self._calling():
                self._collection("tags", fingerprint).delete(ids=obsolete)  # merged or deleted
        if not rows:
            return
        metadatas = []
        for row in rows:
            tag = taxonomy.tags[row.tag_id]
            accepted, rejected = counts.get(row.tag_id, (0, 0))
            names = {f"name_{language}": name for language, name in tag.names.items()}
            details = {"category": tag.category_id, "state": tag.state, "bias": row.bias, "revision": row.revision}
            metadatas.append({**names, **details, "accepted": accepted, "rejected": rejected})
        embeddings = unit(np.stack([vectors.from_bytes(row.weights) for row in rows]))
        with self._calling():
            self._collection("tags", fingerprint).upsert(
                ids=[row.tag_id for row in rows], embeddings=embeddings, metadatas=metadatas
            )

    def _put_assets(self, fingerprint: str, asset_ids: list[int]) -> None:
        if not asset_ids:
            return
        with self._database.read() as connection:
            found = vectors.load(connection, fingerprint, asset_ids)
            names = {
                row.id: row.sha256
                for row in connection.execute(
                    select(assets.c.id, assets.c.sha256).where(assets.c.id.in_(asset_ids))
                )
            }
        if not found:
            return
        with self._calling():
            self._collection("assets", fingerprint).upsert(
                ids=[str(asset_id) for asset_id in found],
                embeddings=np.stack(list(found.values())),
                metadatas=[{"sha256": names[asset_id]} for asset_id in found],
            )


def _pictures_of(fingerprint: str) -> tuple[ColumnElement[bool], ...]:
    """Return conditions for the searchable vectors of a model: images under its default instruction."""
    c = vector_table.c
    return c.fingerprint == fingerprint, c.kind == "image", c.instruction == spaces.USUAL


def _query(collection: Any, directions: np.ndarray, size: int, among: Sequence[int] | None) -> Any:
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
