"""Families of vectors: each model, under its usual instruction or a profile's, that the archive is known under.

Vectors of two families never meet. The ledger teaches all of them, so that one can take another's place at once.
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
"""Kind of an outbox row that says that a family was dropped."""

USUAL = "default"
"""How the usual instruction is named beside vectors."""


class SpaceState(StrEnum):
    """What a family is for."""

    ACTIVE = "standing"  # the model in use
    BUILDING = "building"  # pictures are being embedded
    READY = "ready"  # all of them are; it may take the standing one's place
    KEPT = "kept"  # it stood before; it is taught, but no longer gets new pictures
    STOPPED = "stopped"  # what is embedded stays, the rest waits


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """One family.

    Attributes:
        encoder: What `load_encoder` takes.
        instruction: Of a profile; empty for the model's usual one.
        seen: Id of the last asset that was looked at for a vector that is missing.
        note: What keeps it from being built; empty if nothing does.
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
        """The fingerprint of its model alone."""
        return split(self.fingerprint)[0]


def fingerprint_of(model: str, instruction: str = "") -> str:
    """The fingerprint of a model's family under an instruction."""
    return f"{model}.{hashlib.sha256(instruction.encode()).hexdigest()[:8]}" if instruction else model


def split(fingerprint: str) -> tuple[str, str]:
    """A family's model, and its instruction as it is named beside vectors."""
    model, _, instruction = fingerprint.partition(".")
    return model, instruction or USUAL


def fingerprints(connection: Connection) -> list[str]:
    """Of all families that are taught."""
    return list(connection.execute(select(families.c.fingerprint)).scalars())


def indexed(connection: Connection) -> list[str]:
    """Of those that can be searched: a profile's instruction serves its suggestions alone."""
    return list(connection.execute(select(families.c.fingerprint).where(families.c.instruction == "")).scalars())


def list_all(connection: Connection) -> list[VectorSpace]:
    """Every family, the one in use first, then the latest first."""
    rows = connection.execute(select(families).order_by(families.c.at.desc())).all()
    found = [VectorSpace(**{**row._mapping, "state": SpaceState(row.state)}) for row in rows]
    return sorted(found, key=lambda family: (family.state != SpaceState.ACTIVE, family.instruction))


def find(connection: Connection, fingerprint: str) -> VectorSpace | None:
    """A family, if it is known."""
    return next((f for f in list_all(connection) if f.fingerprint == fingerprint), None)


def active(connection: Connection) -> VectorSpace | None:
    """The model in use; None in a new archive."""
    return next((f for f in list_all(connection) if f.state == SpaceState.ACTIVE), None)


def register(
    connection: Connection, fingerprint: str, encoder: str, state: SpaceState, actor: str, instruction: str = ""
) -> None:
    """Make a family known, to be taught everything from now on; harmless if it is."""
    if find(connection, fingerprint) is None:
        row = {"fingerprint": fingerprint, "encoder": encoder, "instruction": instruction, "state": state}
        upsert(connection, families, [row | {"seen": 0, "note": "", "actor": actor, "at": _now()}])
        marks = [{"fingerprint": fingerprint, "tag_id": t, "marked": "new"} for t in _tag_ids(connection)]
        upsert(connection, dirty, marks)


def activate(connection: Connection, fingerprint: str) -> None:
    """Let a family be the one in use; the one before is kept."""
    at_work = families.c.state == SpaceState.ACTIVE
    connection.execute(update(families).where(at_work).values(state=SpaceState.KEPT))
    # Pictures that came since it was last looked at have no vector of it yet.
    change(connection, fingerprint, state=SpaceState.ACTIVE, note="")


def change(connection: Connection, fingerprint: str, **values: object) -> None:
    """Change what is known of a family."""
    connection.execute(update(families).where(families.c.fingerprint == fingerprint).values(**values))


def drop(connection: Connection, fingerprint: str) -> None:
    """Drop a family and all that was made for it; what people said stays in the ledger."""
    model, instruction = split(fingerprint)
    for table in (families, dirty, learned, packs, calibrations, outbox):
        connection.execute(delete(table).where(table.c.fingerprint == fingerprint))
    connection.execute(delete(text_vectors).where(text_vectors.c.fingerprint == fingerprint))
    mine = vectors.c.fingerprint == model, vectors.c.instruction == instruction
    connection.execute(delete(vectors).where(*mine))
    if instruction == USUAL:
        connection.execute(outbox.insert(), [{"kind": GONE, "key": fingerprint, "fingerprint": fingerprint}])


def error_note(error: Exception) -> str:
    """What is noted of a family whose model failed."""
    return str(error) if isinstance(error, TaggingError) else f"The model failed: {error or type(error).__name__}"


def _tag_ids(connection: Connection) -> list[str]:
    return list(connection.execute(select(tags.c.id)).scalars())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
