"""Leases on pictures, so that no two users decide about the same one by accident.

A lease is renewed by each decision, released by going on to another picture, and expires when idle. Another user
may take it over; the first user's decisions are then refused with an explanation.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, case, delete, not_, or_, select

from tagging_core.common.users import User
from tagging_core.errors import LeasedError, NotFoundError
from tagging_core.storage import insert
from tagging_core.storage.schema import assets, leases

SECONDS = 600.0
"""Duration of a lease without renewal."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A user's lease on a picture; times in seconds since the epoch."""

    asset_id: int
    actor: str
    since: float
    until: float


def take(connection: Connection, user: User, asset_ids: Iterable[int], *, force: bool = False) -> list[int]:
    """Lease pictures or renew their leases; a single upsert, so concurrent callers cannot both get one.

    Args:
        connection: A write transaction, which need not be serialized.
        force: Take over leases of other users.

    Returns:
        The ids that the user now holds, in the given order.
    """
    wanted = list(dict.fromkeys(asset_ids))
    if not wanted:
        return []
    now = time.time()
    row = {"actor": user.name, "since": now, "until": now + SECONDS}
    # Sorted, so that concurrent callers lock rows in the same order and cannot deadlock.
    rows = [row | {"asset_id": asset_id} for asset_id in sorted(wanted)]
    mine = set(connection.execute(_take_statement(connection.dialect.name, force), rows).scalars())
    return [asset_id for asset_id in wanted if asset_id in mine]


def release(connection: Connection, user: User, asset_ids: Sequence[int]) -> None:
    """Release the user's leases on pictures, and delete all expired leases."""
    mine = and_(leases.c.actor == user.name, leases.c.asset_id.in_(asset_ids))
    released = select(leases.c.asset_id).where(or_(mine, leases.c.until < time.time()))
    # Skip rows that another transaction is taking over right now.
    released = released.with_for_update(skip_locked=True)
    connection.execute(delete(leases).where(leases.c.asset_id.in_(released)))


def of_others(connection: Connection, user: User) -> dict[int, Lease]:
    """Return other users' current leases by asset id."""
    rows = connection.execute(select(leases).where(leases.c.until >= time.time(), leases.c.actor != user.name))
    return {row.asset_id: Lease(**row._mapping) for row in rows}


def holder(connection: Connection, user: User, asset_id: int) -> Lease | None:
    """Return another user's current lease on a picture, if any."""
    theirs = leases.c.asset_id == asset_id, leases.c.actor != user.name, leases.c.until >= time.time()
    row = connection.execute(select(leases).where(*theirs)).first()
    return None if row is None else Lease(**row._mapping)


def require_free(connection: Connection, user: User, asset_id: int) -> int:
    """Refuse to decide about an asset that somebody else has open; returns the asset's `sample`.

    Raises:
        NotFoundError: There is no such asset.
        LeasedError: Says who has it open, since when, and what to do.
    """
    theirs = leases.c.asset_id == assets.c.id, leases.c.actor != user.name, leases.c.until >= time.time()
    query = select(assets.c.sample, leases.c.actor, leases.c.since).outerjoin(leases, and_(*theirs))
    row = connection.execute(query.where(assets.c.id == asset_id)).first()
    if row is None:
        raise NotFoundError(f"There is no picture {asset_id}.")
    if row.actor is not None:
        minutes = max(1, round((time.time() - row.since) / 60))
        raise LeasedError(
            f"{row.actor} has had picture {asset_id} open for {minutes} min. Nothing was changed: take it "
            "over or continue with another picture."
        )
    return int(row.sample)


@cache
def _take_statement(dialect: str, force: bool) -> Any:
    new = insert(dialect, leases)
    mine, held = leases.c.actor == new.excluded.actor, leases.c.until >= new.excluded.since
    changed = {
        "actor": new.excluded.actor,
        "since": case((and_(mine, held), leases.c.since), else_=new.excluded.since),
        "until": new.excluded.until,
    }
    free = None if force else or_(mine, not_(held))
    upsert = new.on_conflict_do_update(index_elements=[leases.c.asset_id], set_=changed, where=free)
    return upsert.returning(leases.c.asset_id)
