"""Feeds Chroma from SQL, through the outbox."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from sqlalchemy import ColumnElement, Select, delete, func, select

from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import unit
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import assets, learned, outbox
from tagging_core.storage.schema import vectors as vector_table

_BATCH = 128
_NEWEST = 4  # tags that `feed_changed` writes at most; one decision fits no more at once

REBUILD = "chroma.rebuild"
"""Key set by a process that may not open Chroma, to request a rebuild from the one that has it open."""


class Collections(Protocol):
    """What the feeder needs of the index."""

    client: Any
    taxonomies: TaxonomyCache

    def calling(self) -> AbstractContextManager[None]:
        """Hold the index for one call."""

    def collection(self, kind: str, fingerprint: str = "") -> Any:
        """Return a collection of Chroma's."""


class ChromaFeeder:
    """Brings the collections of an index up to date.

    Args:
        index: The index; only the process that opened it feeds it.
        database: The store of record.
    """

    def __init__(self, index: Collections, database: Database) -> None:
        self._index, self._database = index, database

    def requeue(self) -> None:
        """Queue the tags and assets of every model, so that `feed` rebuilds all collections."""
        with self._database.write() as connection:
            # The query below includes the queued assets, and a second upsert takes five times as long as the first.
            connection.execute(delete(outbox).where(outbox.c.kind == "asset"))
            for fingerprint in spaces.indexed(connection):
                known = select(learned.c.tag_id).where(learned.c.fingerprint == fingerprint)
                pictures = select(vector_table.c.asset_id).where(*pictures_of(fingerprint))
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

        Raises:
            UnreachableError: The server does not answer; unprocessed rows stay queued.
        """
        worked = 0
        for _ in range(limit):
            fed = self._feed(select(outbox).order_by(outbox.c.id))
            if not fed:
                break
            worked += fed
        return worked

    def feed_changed(self) -> int:
        """Copy the most recently fitted tags ahead of the queue; return the number of outbox rows processed.

        Raises:
            UnreachableError: The server does not answer; unprocessed rows stay queued.
        """
        return self._feed(select(outbox).where(outbox.c.kind == "tag").order_by(outbox.c.id.desc()), limit=_NEWEST)

    def _feed(self, wanted: Select[Any], limit: int = _BATCH) -> int:
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

    def pending(self) -> int:
        """Return the number of outbox rows that are not processed, plus one for a requested rebuild."""
        with self._database.read() as connection:
            waiting = int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())
            return waiting + bool(key_values.get(connection, REBUILD))

    def lacks_pictures(self, fingerprint: str) -> bool:
        """Return whether pictures of a model are queued for the index, so that it cannot find them yet."""
        queued = select(outbox.c.id).where(outbox.c.kind == "asset", outbox.c.fingerprint == fingerprint)
        with self._database.read() as connection:
            return connection.execute(queued.limit(1)).first() is not None

    def serve_rebuild(self) -> None:
        """Queue a rebuild if another process requested one."""
        with self._database.read() as connection:
            requested = key_values.get(connection, REBUILD)
        if requested:
            self.requeue()
            with self._database.write() as connection:
                key_values.put(connection, REBUILD, "")

    def _remove(self, fingerprint: str) -> None:
        from chromadb.errors import NotFoundError

        for kind in ("tags", "assets"):
            with self._index.calling(), contextlib.suppress(NotFoundError, ValueError):
                self._index.client.delete_collection(f"{kind}-{fingerprint}")

    def _put_tags(self, fingerprint: str, tag_ids: list[str]) -> None:
        if not tag_ids:
            return
        with self._database.read() as connection:
            taxonomy = self._index.taxonomies.load(connection)
            counts = taxonomy_store.counts(connection, tag_ids)
            query = select(learned).where(learned.c.fingerprint == fingerprint, learned.c.tag_id.in_(tag_ids))
            rows = [row for row in connection.execute(query) if row.tag_id in taxonomy.tags]
        if obsolete := sorted(set(tag_ids) - {row.tag_id for row in rows}):
            with self._index.calling():
                self._index.collection("tags", fingerprint).delete(ids=obsolete)  # merged or deleted
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
        with self._index.calling():
            self._index.collection("tags", fingerprint).upsert(
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
        with self._index.calling():
            self._index.collection("assets", fingerprint).upsert(
                ids=[str(asset_id) for asset_id in found],
                embeddings=np.stack(list(found.values())),
                metadatas=[{"sha256": names[asset_id]} for asset_id in found],
            )


def pictures_of(fingerprint: str) -> tuple[ColumnElement[bool], ...]:
    """Return conditions for the searchable vectors of a model: images under its default instruction."""
    c = vector_table.c
    return c.fingerprint == fingerprint, c.kind == "image", c.instruction == spaces.USUAL
