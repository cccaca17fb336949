"""The protected set: reference assets whose near-duplicates raise an alert on upload.

Near-duplicates are found by the cosine similarity of image vectors, which is robust to resizing, re-encoding and
slight edits. `benchmarks.compliance` measures the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, String, cast, delete, func, select

from tagging_core import ledger
from tagging_core.common.users import Action, User, require
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.ledger.events import Event, Kind
from tagging_core.storage import Database, upsert
from tagging_core.storage.schema import alerts, dismissed, events, protected

CUT = 0.9
"""Cosine similarity in [-1, 1] from which an asset counts as a near-duplicate."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A near-duplicate of a protected asset.

    Attributes:
        note: The protected asset's note.
        cosine: Cosine similarity of the two image vectors, in [CUT, 1]; 1 is the same image.
        at: When the alert was raised, UTC, naive.
    """

    asset_id: int
    protected_id: int
    note: str
    cosine: float
    at: datetime

    @property
    def key(self) -> str:
        """Key under which the alert is dismissed."""
        return f"alert:{self.asset_id}|{self.protected_id}"


def protect(connection: Connection, user: User, asset_ids: Sequence[int], *, note: str, on: bool = True) -> None:
    """Add assets to the protected set or remove them, recording each change in the ledger.

    Args:
        connection: A write transaction.
        user: Needs the right to change the tag library.
        asset_ids: Existing assets; their notes are replaced if they are protected already.
        note: The reason, such as the rights holder; cut to 500 characters.
        on: False removes the assets.

    Raises:
        NotAllowedError: The user may not change the tag library.
    """
    require(user, Action.CURATE)
    for asset_id in asset_ids:
        payload = {"asset_id": asset_id, "on": on, "note": " ".join(note.split())[:500]}
        _write(connection, ledger.append(connection, Event(Kind.PROTECT, user.name, payload=payload)), payload)


def listed(connection: Connection) -> dict[int, str]:
    """Return the notes of the protected assets by asset id, most recently protected first."""
    rows = connection.execute(select(protected).order_by(protected.c.event_id.desc()))
    return {row.asset_id: row.note for row in rows}


def raise_alerts(connection: Connection, fingerprint: str, pictures: dict[int, Vectors]) -> int:
    """Write an alert for each pair of an asset and a protected asset that are near-duplicates.

    Args:
        fingerprint: Vector space of `pictures`.
        pictures: Unit vectors `(d,)` by asset id.

    Returns:
        The number of alerts written, including those that existed.
    """
    protected_ids = list(connection.execute(select(protected.c.asset_id)).scalars())
    if not protected_ids or not pictures:
        return 0
    known = vectors.load(connection, fingerprint, protected_ids)
    if not known:
        return 0
    ids, others = list(pictures), list(known)
    cosines = np.stack([pictures[a] for a in ids]) @ np.stack([known[a] for a in others]).T
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {"asset_id": ids[i], "protected_id": others[j], "cosine": float(cosines[i, j]), "at": now}
        for i, j in np.argwhere(cosines >= CUT)
        if ids[i] != others[j]
    ]
    upsert(connection, alerts, rows)
    return len(rows)


def open_alerts(connection: Connection, limit: int = 100) -> list[Alert]:
    """Return the alerts that have not been dismissed.

    Args:
        connection: A read transaction.
        limit: Maximum number of alerts.

    Returns:
        Alerts whose protected asset is still in the protected set, highest cosine first.
    """
    query = select(alerts, protected.c.note).join(protected, protected.c.asset_id == alerts.c.protected_id)
    rows = connection.execute(query.where(_open()).order_by(alerts.c.cosine.desc()).limit(limit))
    return [Alert(row.asset_id, row.protected_id, row.note, row.cosine, row.at) for row in rows]


def count_alerts(connection: Connection) -> int:
    """Return the number of alerts that nobody dismissed."""
    query = select(func.count()).select_from(alerts).join(protected, protected.c.asset_id == alerts.c.protected_id)
    return int(connection.execute(query.where(_open())).scalar_one())


def replay(connection: Connection) -> None:
    """Rebuild the protected set from the ledger."""
    connection.execute(delete(protected))
    query = select(events.c.id, events.c.payload).where(events.c.kind == Kind.PROTECT).order_by(events.c.id)
    for row in connection.execute(query).all():
        _write(connection, row.id, row.payload)


def _write(connection: Connection, event_id: int, payload: dict[str, Any]) -> None:
    if payload["on"]:
        row = {"asset_id": payload["asset_id"], "note": payload["note"], "event_id": event_id}
        upsert(connection, protected, [row])
    else:
        connection.execute(delete(protected).where(protected.c.asset_id == payload["asset_id"]))


def _open() -> ColumnElement[bool]:
    key = "alert:" + cast(alerts.c.asset_id, String) + "|" + cast(alerts.c.protected_id, String)
    return key.not_in(select(dismissed.c.key))


class ProtectedPictures:
    """The protected set as owners call it.

    Args:
        database: The store of record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def protect(self, user: User, asset_ids: Sequence[int], note: str = "", *, on: bool = True) -> None:
        """Put assets into the protected set, or take them out; see `protect`."""
        with self._database.write(durable=True) as connection:
            protect(connection, user, asset_ids, note=note, on=on)

    def listed(self) -> dict[int, str]:
        """Return the notes of the protected assets by id, latest first."""
        with self._database.read() as connection:
            return listed(connection)

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that nobody dismissed, highest cosine first."""
        with self._database.read() as connection:
            return open_alerts(connection)

    def count_alerts(self) -> int:
        """Count the alerts that nobody dismissed."""
        with self._database.read() as connection:
            return count_alerts(connection)
