"""Storage of reference packs, and the gallery: the sample of the archive that they are measured on."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, and_, func, select

from tagging_core import ledger
from tagging_core.common.users import SYSTEM
from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Preset, Vectors, default_mean
from tagging_core.learning.classifier import ReferencePack, initial_pack
from tagging_core.ledger.events import Event, Kind
from tagging_core.storage import upsert
from tagging_core.storage.schema import assets, packs
from tagging_core.storage.schema import vectors as vector_table

_LEAST, _MOST = 64, 2000  # gallery size in pictures


def pack_in_force(connection: Connection, fingerprint: str, preset: Preset, *, dimension: int) -> ReferencePack:
    """Return the newest pack of a vector space, or the one that ships with its encoder."""
    query = select(packs).where(packs.c.fingerprint == fingerprint)
    row = connection.execute(query.order_by(packs.c.version.desc()).limit(1)).first()
    if row is None:
        return initial_pack(default_mean(preset, dimension), preset.learner)
    return ReferencePack(row.version, vectors.from_bytes(row.mean), row.spread, row.text_scale)


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


def save_pack(connection: Connection, fingerprint: str, pack: ReferencePack, *, pictures: int) -> None:
    """Store a pack as the current one and append its event to the ledger."""
    key = {"fingerprint": fingerprint, "version": pack.version, "gallery": pictures}
    event_id = ledger.append(connection, Event(Kind.PACK, SYSTEM.name, payload=dict(key)))
    values = {"mean": vectors.to_bytes(pack.mean), "spread": pack.spread, "text_scale": pack.text_scale}
    upsert(connection, packs, [key | values | {"event_id": event_id}])
