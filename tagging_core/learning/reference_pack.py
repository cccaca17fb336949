"""Storage of reference packs, and the gallery: the sample of the archive that they are measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, ScalarSelect, and_, func, select

from tagging_core import ledger
from tagging_core.assets.files import sha256_of
from tagging_core.common.users import SYSTEM, User
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Preset, Vectors, default_mean
from tagging_core.errors import TagError
from tagging_core.learning.classifier import ReferencePack, initial_pack
from tagging_core.learning.learned_starter import parse_starter
from tagging_core.ledger.events import Event, Kind
from tagging_core.storage import upsert
from tagging_core.storage.schema import assets, packs, starters
from tagging_core.storage.schema import vectors as vector_table

_LEAST, _MOST = 64, 2000  # gallery size in pictures


class LibraryPacks:
    """The reference packs of one vector space; safe to share between threads.

    Args:
        fingerprint: Of the vector space.
        preset: The encoder, whose shipped values are version 0.
        dimension: Returns the dimension of its vectors; may load the encoder.
    """

    def __init__(self, fingerprint: str, preset: Preset, dimension: Callable[[], int]) -> None:
        self._fingerprint, self._preset, self._dimension = fingerprint, preset, dimension
        self._latest: tuple[int | None, ReferencePack] | None = None

    def newest(self) -> ScalarSelect[int]:
        """Return the subquery of the newest version; NULL if none was stored."""
        return select(func.max(packs.c.version)).where(packs.c.fingerprint == self._fingerprint).scalar_subquery()

    def in_force(self, connection: Connection) -> ReferencePack:
        """Return the newest pack."""
        return self.of_version(connection, connection.execute(select(self.newest())).scalar())

    def of_version(self, connection: Connection, version: int | None) -> ReferencePack:
        """Return a pack, from memory if it was the last one asked for.

        Args:
            connection: A read or write transaction.
            version: Of a stored pack; None for the values that the encoder ships with.
        """
        latest = self._latest
        if latest is None or latest[0] != version:
            latest = self._latest = (version, self._load(connection, version))
        return latest[1]

    def shipped(self) -> ReferencePack:
        """Return the values that the encoder ships with."""
        return initial_pack(default_mean(self._preset, self._dimension()), self._preset.learner)

    def adopt(self, connection: Connection, user: User, data: bytes) -> ReferencePack:
        """Bring a learned starter into force, for the tags of a library to be fitted again.

        Args:
            connection: A write transaction.
            user: Who decided it.
            data: Content of the starter file.

        Returns:
            The new pack.

        Raises:
            TagError: The file is damaged, or was made for another encoder.
        """
        starter = parse_starter(data)
        if starter.fingerprint != self._fingerprint:
            raise TagError(f"The starter was made for {starter.fingerprint}, not for {self._fingerprint}.")
        upsert(connection, starters, [{"sha256": sha256_of(data), "data": data}])
        own = initial_pack(starter.mean, self._preset.learner)  # its classifiers hold for its own mean
        version = self.in_force(connection).version + 1
        pack = replace(own, version=version, priors=starter.priors, nothing=starter.nothing)
        save_pack(connection, self._fingerprint, pack, pictures=0, starter=sha256_of(data), user=user)
        return pack

    def drop_starter(self, connection: Connection, user: User) -> ReferencePack:
        """Return to the pack that was in force before any starter, as a new version.

        Args:
            connection: A write transaction.
            user: Who decided it.

        Returns:
            The new pack: what was last measured on the archive, or the values that the encoder ships with.
        """
        mine = packs.c.fingerprint == self._fingerprint, packs.c.starter.is_(None)
        row = connection.execute(select(packs).where(*mine).order_by(packs.c.version.desc()).limit(1)).first()
        before = self.shipped() if row is None else _to_pack(row)
        pack = replace(before, version=self.in_force(connection).version + 1)
        pictures = 0 if row is None else row.gallery
        save_pack(connection, self._fingerprint, pack, pictures=pictures, user=user)
        return pack

    def _load(self, connection: Connection, version: int | None) -> ReferencePack:
        if version is None:
            return self.shipped()
        mine = packs.c.fingerprint == self._fingerprint, packs.c.version == version
        row = connection.execute(select(packs).where(*mine)).one()
        pack = _to_pack(row)
        if row.starter is None:
            return pack
        data = connection.execute(select(starters.c.data).where(starters.c.sha256 == row.starter)).scalar_one()
        starter = parse_starter(data)
        return replace(pack, priors=starter.priors, nothing=starter.nothing)


def due(connection: Connection, fingerprint: str, pictures: str) -> Vectors | None:
    """Return the gallery's vectors `(n, d)` if the archive has doubled since the last measurement, else None.

    Args:
        fingerprint: Of the pack's vector space.
        pictures: Of the space whose picture vectors are read.
    """
    model, instruction = spaces.split(pictures)
    conditions = (
        vector_table.c.fingerprint == model,
        vector_table.c.kind == "image",
        vector_table.c.instruction == instruction,
    )
    # Counting stops at the maximum, so the cost does not grow with the archive.
    size = len(connection.execute(select(vector_table.c.asset_id).where(*conditions).limit(_MOST)).all())
    query = select(func.max(packs.c.gallery)).where(packs.c.fingerprint == fingerprint)
    measured = int(connection.execute(query).scalar() or 0)
    if size < max(_LEAST, 2 * measured) or measured >= _MOST:
        return None
    sample = select(assets.c.id).join(vector_table, and_(vector_table.c.asset_id == assets.c.id)).where(*conditions)
    ids = connection.execute(sample.order_by(assets.c.sample).limit(_MOST)).scalars()
    return np.stack(list(vectors.load(connection, pictures, sorted(ids)).values()))


def save_pack(
    connection: Connection,
    fingerprint: str,
    pack: ReferencePack,
    *,
    pictures: int,
    starter: str | None = None,
    user: User = SYSTEM,
) -> None:
    """Store a pack as the newest one and append its event to the ledger.

    Args:
        connection: A write transaction.
        fingerprint: Of the vector space.
        pack: The pack; its priors are those of the starter.
        pictures: Number of pictures it was measured on; 0 if it was not measured here.
        starter: Id of the learned starter it rests on.
        user: Who decided it.
    """
    key = {"fingerprint": fingerprint, "version": pack.version, "gallery": pictures}
    payload = key | ({"starter": starter} if starter else {})
    event_id = ledger.append(connection, Event(Kind.PACK, user.name, payload=payload))
    values = {"mean": vectors.to_bytes(pack.mean), "spread": pack.spread, "text_scale": pack.text_scale}
    upsert(connection, packs, [key | values | {"event_id": event_id, "starter": starter}])


def _to_pack(row: Row[Any]) -> ReferencePack:
    return ReferencePack(row.version, vectors.from_bytes(row.mean), row.spread, row.text_scale)
