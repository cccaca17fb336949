"""Chroma: the tag library and the picture index that others read and search, fed from SQL.

chromadb 1.5.9 loses collections when its process is killed, and two processes corrupt each other's folder. So it
only ever holds copies: one process opens a folder, a subprocess probes it first (a damaged index may end the
process), and whatever is wrong is answered by setting the folder aside and filling a new one from SQL. A server is
looked at the same way, and again after it did not answer: it may have come back without its records.
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
from tagging_core.search.chroma_backends import ChromaBackend
from tagging_core.search.chroma_probe import DamagedError
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import assets, learned, outbox
from tagging_core.storage.schema import vectors as vector_table

_log = logging.getLogger(__name__)
_BATCH = 128
_AT_ONCE = 4  # tags that one decision teaches at once, at most
_OPENING_SECONDS = 20.0

REBUILD = "chroma.rebuild"
"""Set by a process that may not open Chroma; whoever has it open then fills it anew."""
_TAGS = {"sync_threshold": 1_000, "batch_size": 100, "ef_construction": 32}
_ASSETS = {"sync_threshold": 20_000, "batch_size": 100, "ef_search": 300}
"""`sync_threshold`: rows until Chroma writes its index files and cuts its log. Never writing those of tags would
spare them from being torn by a kill, but a change takes longer as the log grows: 29 ms after 2,200, 90 after 5,500,
against 9. `ef_search`: with Chroma's 100, one search in sixty among 100,000 pictures missed all that is near; with
300 none did."""


class ChromaIndex:
    """Two collections for each model.

    Args:
        place: Chroma's folder, which this process must be the only one to open, or its server.
        database: The store of record.

    Attributes:
        fingerprint: Of the active model, whose collections are searched; it is part of their names, since vectors
            of two models never meet. Those of other models are kept up to date beside them.
    """

    def __init__(self, place: ChromaBackend, database: Database) -> None:
        self.place = place
        self._database = database
        self.fingerprint = ""
        self._taxonomies = TaxonomyCache()
        self._client: Any = None
        self._gone = ""  # why its server cannot be reached
        self._lock = threading.Lock()
        self._opened = threading.Event()
        self.is_served = False  # whether this process may open it

    def bind(self, fingerprint: str, taxonomies: TaxonomyCache) -> None:
        """Search the collections of another model from now on."""
        self.fingerprint, self._taxonomies = fingerprint, taxonomies

    def open(self) -> str:
        """Probe and open, or set aside and rebuild.

        Returns:
            What was done: `opened`, `made` or `rebuilt: ...` with the reason.

        Raises:
            UnreachableError: Its server does not answer.
        """
        with self._noted():
            fresh = self.place.is_new()
        trouble = "" if fresh else self.trouble()
        if trouble:
            _log.warning("Chroma is rebuilt from SQL: %s", trouble)
            self.place.clear()
        self.connect()
        if fresh or trouble:
            self.requeue()
        return f"rebuilt: {trouble}" if trouble else "made" if fresh else "opened"

    def connect(self) -> None:
        """Open without a look at what it holds."""
        with self._noted():
            self._client = self.place.connect()
        self._gone = ""
        self._opened.set()

    @property
    def is_open(self) -> bool:
        """Whether it can be searched and fed; a server that does not answer is opened anew once it does."""
        return self._opened.is_set()

    def require_served(self) -> None:
        """Refuse to search where this process does not open the index.

        Raises:
            BusyError: Only the process that runs the worker does.
        """
        if not self.is_served:
            raise BusyError(
                "Only the process that runs the worker opens the search index: search in its console or REST "
                "service, or call start() here if none runs."
            )

    def requeue(self) -> None:
        """Queue everything SQL holds of every model, so that `feed` fills the collections anew."""
        with self._database.write() as connection:
            # What waits already is among them; a picture written twice costs five times as much as one that is new.
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
        """Bring Chroma up to date with SQL.

        Args:
            limit: At most this many batches, so that a caller can do other things in between.

        Returns:
            How many outbox rows were worked off.
        """
        worked = 0
        for _ in range(limit):
            fed = self._feed(select(outbox).order_by(outbox.c.id))
            if not fed:
                break
            worked += fed
        return worked

    def feed_taught(self) -> int:
        """Bring the tags that were taught last up to date, before all else; how many rows were worked off."""
        return self._feed(select(outbox).where(outbox.c.kind == "tag").order_by(outbox.c.id.desc()), limit=_AT_ONCE)

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
        """The assets whose vectors have the highest cosine with each of some directions.

        Args:
            directions: `(q, d)` of any length.
            size: How many are wanted for each.
            among: Only of these, if given; thousands may be.

        Returns:
            For each direction, ids with the cosine in [-1, 1], nearest first.

        Raises:
            BusyError: The index is not open yet.
            UnreachableError: Its server does not answer.
        """
        if self._gone:
            raise UnreachableError(self._gone)
        if not self._opened.wait(_OPENING_SECONDS):
            raise BusyError("The search index is still being opened. Try again in a minute.")
        with self._reached():
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
        """How many changes wait to be fed, a wanted rebuild included."""
        with self._database.read() as connection:
            waiting = int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())
            return waiting + bool(key_values.get(connection, REBUILD))

    def serve_rebuild(self) -> None:
        """Queue everything anew if another process asked for it."""
        with self._database.read() as connection:
            wanted = key_values.get(connection, REBUILD)
        if wanted:
            self.requeue()
            with self._database.write() as connection:
                key_values.put(connection, REBUILD, "")

    def counts(self) -> dict[str, int]:
        """Records in each collection."""
        with self._reached():
            return {kind: self._collection(kind).count() for kind in ("tags", "assets")}

    def tag_record(self, tag_id: str) -> dict[str, Any] | None:
        """What a reader of Chroma finds about a tag: metadata; None if it is not there."""
        with self._reached():
            found = self._collection("tags").get(ids=[tag_id], include=["metadatas"])
        return dict(found["metadatas"][0]) if found["ids"] else None

    def trouble(self) -> str:
        """What is wrong with what it holds; empty if nothing is."""
        try:
            return self._disagreement(self.place.counts())
        except DamagedError as error:
            return str(error)

    def _disagreement(self, counts: dict[str, int]) -> str:
        """Why Chroma cannot hold what SQL says, allowing for what the outbox still brings."""
        with self._database.read() as connection:
            waiting = select(outbox.c.kind, func.count(outbox.c.key.distinct())).group_by(outbox.c.kind)
            waiting = waiting.where(outbox.c.fingerprint == self.fingerprint)
            pending = {kind: int(n) for kind, n in connection.execute(waiting)}
            expected = self.expected(connection)
        for kind, rows in (("tags", "tag"), ("assets", "asset")):
            have, want = counts.get(self.name(kind), 0), expected[kind]
            on_the_way = pending.get(rows, 0)  # to be added, or taken away: tags that were merged or deleted
            if not want - on_the_way <= have <= want + on_the_way:
                return f"its {kind} collection holds {have} of {want} records"
        return ""

    def expected(self, connection: Any) -> dict[str, int]:
        """How many records SQL says each collection should hold."""
        known = select(func.count()).select_from(learned).where(learned.c.fingerprint == self.fingerprint)
        pictures = select(func.count()).select_from(vector_table).where(*_pictures_of(self.fingerprint))
        return {
            "tags": int(connection.execute(known).scalar_one()),
            "assets": int(connection.execute(pictures).scalar_one()),
        }

    def name(self, kind: str) -> str:
        """The name of a collection of the model in use."""
        return f"{kind}-{self.fingerprint}"

    def close(self) -> None:
        """Let go of it, so that it may be opened again."""
        if self._client is not None:
            self._client = None
            self._opened.clear()
            self.place.disconnect()

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """One call at a time.

        Raises:
            UnreachableError: The server does not answer; the index is closed until it does.
        """
        with self._lock, self._noted(), self.place.translate_errors():
            yield

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        """Close the index, and keep the reason, when its server does not answer."""
        try:
            yield
        except UnreachableError as error:
            self._gone = str(error)
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
            with self._reached(), contextlib.suppress(NotFoundError, ValueError):
                self._client.delete_collection(f"{kind}-{fingerprint}")

    def _put_tags(self, fingerprint: str, tag_ids: list[str]) -> None:
        if not tag_ids:
            return
        with self._database.read() as connection:
            taxonomy = self._taxonomies.load(connection)
            counts = taxonomy_store.counts(connection, tag_ids)
            query = select(learned).where(learned.c.fingerprint == fingerprint, learned.c.tag_id.in_(tag_ids))
            rows = [row for row in connection.execute(query) if row.tag_id in taxonomy.tags]
        if lost := sorted(set(tag_ids) - {row.tag_id for row in rows}):
            with self._reached():
                self._collection("tags", fingerprint).delete(ids=lost)  # merged or deleted
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
        with self._reached():
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
        with self._reached():
            self._collection("assets", fingerprint).upsert(
                ids=[str(asset_id) for asset_id in found],
                embeddings=np.stack(list(found.values())),
                metadatas=[{"sha256": names[asset_id]} for asset_id in found],
            )


def _pictures_of(fingerprint: str) -> tuple[ColumnElement[bool], ...]:
    """Picture vectors of a model under its usual instruction, the only ones that are searched."""
    c = vector_table.c
    return c.fingerprint == fingerprint, c.kind == "image", c.instruction == spaces.USUAL


def _query(collection: Any, directions: np.ndarray, size: int, among: Sequence[int] | None) -> Any:
    from chromadb.errors import InternalError

    asked = {"query_embeddings": np.asarray(directions, np.float32), "n_results": size, "include": ["distances"]}
    if among is None:
        return collection.query(**asked)
    ids = [str(asset_id) for asset_id in among]
    try:
        return collection.query(**asked, ids=ids)
    except InternalError:  # one of them is not in the index yet; which ones are takes a look of its own
        ids = collection.get(ids=ids, include=[])["ids"]
    if not ids:
        return {"ids": [[] for _ in directions], "distances": [[] for _ in directions]}
    return collection.query(**asked, ids=ids)
