"""Vector spaces: one per model and instruction (the model's default or a profile's) that assets are embedded in.

Vectors of different spaces are never compared. Tag classifiers are fitted in every space, so that the active model
can be switched at once. The table that stores the spaces is called `families`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, select, update

from tagging_core.errors import TaggingError
from tagging_core.storage import upsert
from tagging_core.storage.schema import (
    calibrations,
    dirty,
    families,
    learned,
    outbox,
    packs,
    tags,
    text_vectors,
    vectors,
)

GONE = "gone"
"""Kind of an outbox row for a deleted vector space."""

USUAL = "default"
"""Value of `vectors.instruction` for a model's default instruction."""


class SpaceState(StrEnum):
    """Life cycle of a vector space."""

    ACTIVE = "standing"  # used for suggestions and search
    BUILDING = "building"  # assets are being embedded
    READY = "ready"  # all assets are embedded; it can be activated
    KEPT = "kept"  # formerly active: still fitted, but new assets are not embedded
    STOPPED = "stopped"  # embedding is paused


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """One vector space.

    Attributes:
        fingerprint: The model's fingerprint, with a suffix for a profile's instruction.
        encoder: Argument of `load_encoder`.
        instruction: A profile's instruction; empty for the model's default.
        seen: Cursor of the scan for missing vectors: id of the last scanned asset.
        note: Why it cannot be built; empty if nothing failed.
        actor: Who registered it.
        at: When, in UTC without time zone.
    """

    fingerprint: str
    encoder: str
    instruction: str
    state: SpaceState
    seen: int
    note: str
    actor: str
    at: datetime

    @property
    def model(self) -> str:
        """The model's fingerprint, without the instruction."""
        return split(self.fingerprint)[0]


def fingerprint_of(model: str, instruction: str = "") -> str:
    """Return the fingerprint of a model's vector space for an instruction; empty is the default."""
    return f"{model}.{hashlib.sha256(instruction.encode()).hexdigest()[:8]}" if instruction else model


def split(fingerprint: str) -> tuple[str, str]:
    """Split a space's fingerprint into the model's and the value of `vectors.instruction`."""
    model, _, instruction = fingerprint.partition(".")
    return model, instruction or USUAL


def indexed(connection: Connection) -> list[str]:
    """Return the fingerprints of the searchable spaces; those of profiles serve suggestions only."""
    return list(connection.execute(select(families.c.fingerprint).where(families.c.instruction == "")).scalars())


def list_all(connection: Connection) -> list[VectorSpace]:
    """Return all spaces: the active one first, default instructions before others, then newest first."""
    rows = connection.execute(select(families).order_by(families.c.at.desc())).all()
    found = [VectorSpace(**{**row._mapping, "state": SpaceState(row.state)}) for row in rows]
    return sorted(found, key=lambda space: (space.state != SpaceState.ACTIVE, space.instruction))


def find(connection: Connection, fingerprint: str) -> VectorSpace | None:
    """Return a space, or None if it is not registered."""
    return next((f for f in list_all(connection) if f.fingerprint == fingerprint), None)


def active(connection: Connection) -> VectorSpace | None:
    """Return the active space; None in a new archive."""
    return next((f for f in list_all(connection) if f.state == SpaceState.ACTIVE), None)


def register(
    connection: Connection, fingerprint: str, encoder: str, *, state: SpaceState, actor: str, instruction: str = ""
) -> None:
    """Register a space and mark all tags to be fitted in it; a no-op if it is registered."""
    if find(connection, fingerprint) is None:
        row = {"fingerprint": fingerprint, "encoder": encoder, "instruction": instruction, "state": state}
        upsert(connection, families, [row | {"seen": 0, "note": "", "actor": actor, "at": _now()}])
        marks = [{"fingerprint": fingerprint, "tag_id": t, "marked": "new"} for t in _tag_ids(connection)]
        upsert(connection, dirty, marks)


def activate(connection: Connection, fingerprint: str) -> None:
    """Make a space the active one; the previous one is kept and still fitted."""
    was_active = families.c.state == SpaceState.ACTIVE
    connection.execute(update(families).where(was_active).values(state=SpaceState.KEPT))
    # `seen` stays: assets added since the last scan have no vector in this space yet.
    change(connection, fingerprint, state=SpaceState.ACTIVE, note="")


def change(connection: Connection, fingerprint: str, **values: object) -> None:
    """Update columns of a space."""
    connection.execute(update(families).where(families.c.fingerprint == fingerprint).values(**values))


def drop(connection: Connection, fingerprint: str) -> None:
    """Delete a space with its vectors and classifiers; decisions stay in the ledger."""
    model, instruction = split(fingerprint)
    for table in (families, dirty, learned, packs, calibrations, outbox):
        connection.execute(delete(table).where(table.c.fingerprint == fingerprint))
    connection.execute(delete(text_vectors).where(text_vectors.c.fingerprint == fingerprint))
    mine = vectors.c.fingerprint == model, vectors.c.instruction == instruction
    connection.execute(delete(vectors).where(*mine))
    if instruction == USUAL:
        connection.execute(outbox.insert(), [{"kind": GONE, "key": fingerprint, "fingerprint": fingerprint}])


def error_note(error: Exception) -> str:
    """Return the note for a space whose model failed."""
    return str(error) if isinstance(error, TaggingError) else f"The model failed: {error or type(error).__name__}"


def _tag_ids(connection: Connection) -> list[str]:
    return list(connection.execute(select(tags.c.id)).scalars())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
