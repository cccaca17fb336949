"""Leases: who has which picture open, so that no two people decide about one by accident.

A lease expires by itself; a decision renews it, going on releases it, and another person may take it over, after
which the first one's decisions are refused with a word on why.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from tagging_core.errors import LeasedError
from tagging_core.people import User
from tagging_core.store import upsert
from tagging_core.store.tables import leases

SECONDS = 600.0
"""How long a picture stays with somebody who does nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a picture open; times in seconds since the epoch."""

    asset_id: int
    actor: str
    since: float
    until: float


def take(connection: Connection, user: User, asset_ids: Iterable[int], force: bool = False) -> list[int]:
    """Lease pictures, or renew that.

    Args:
        connection: A write transaction.
        force: Take those over that others have open.

    Returns:
        The ids that the user holds now, in the given order; those of others are left out.
    """
    now = time.time()
    connection.execute(delete(leases).where(leases.c.until < now))
    asked = list(dict.fromkeys(asset_ids))
    held = {lease.asset_id: lease for lease in _held(connection, asked)}
    mine = [a for a in asked if force or a not in held or held[a].actor == user.name]
    rows = []
    for asset_id in mine:
        old = held.get(asset_id)
        since = old.since if old and old.actor == user.name else now
        rows.append({"asset_id": asset_id, "actor": user.name, "since": since, "until": now + SECONDS})
    upsert(connection, leases, rows)
    return mine


def release(connection: Connection, user: User, asset_ids: Sequence[int]) -> None:
    """Give pictures back that the user has open."""
    mine = leases.c.actor == user.name, leases.c.asset_id.in_(asset_ids)
    connection.execute(delete(leases).where(*mine))


def of_others(connection: Connection, user: User) -> dict[int, Lease]:
    """The pictures that other people have open now."""
    rows = connection.execute(select(leases).where(leases.c.until >= time.time(), leases.c.actor != user.name))
    return {row.asset_id: Lease(**row._mapping) for row in rows}


def holder(connection: Connection, user: User, asset_id: int) -> Lease | None:
    """Who else has a picture open; None if nobody has."""
    return next((lease for lease in _held(connection, [asset_id]) if lease.actor != user.name), None)


def require_free(connection: Connection, user: User, asset_id: int) -> None:
    """Refuse to decide about a picture that somebody else has open.

    Raises:
        LeasedError: Says who, since when, and what to do.
    """
    if lease := holder(connection, user, asset_id):
        minutes = max(1, round((time.time() - lease.since) / 60))
        raise LeasedError(
            f"{lease.actor} has had picture {asset_id} open for {minutes} min. Nothing was changed: take it over, "
            "or go on to another."
        )


def _held(connection: Connection, asset_ids: list[int]) -> list[Lease]:
    query = select(leases).where(leases.c.asset_id.in_(asset_ids), leases.c.until >= time.time())
    return [Lease(**row._mapping) for row in connection.execute(query)]
