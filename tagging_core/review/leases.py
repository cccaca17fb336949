"""Leases: who has which picture open, so that no two people decide about one by accident.

A lease expires by itself; a decision renews it, going on releases it, and another person may take it over, after
which the first one's decisions are refused with a word on why.
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
"""How long a picture stays with somebody who does nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a picture open; times in seconds since the epoch."""

    asset_id: int
    actor: str
    since: float
    until: float


def take(connection: Connection, user: User, asset_ids: Iterable[int], force: bool = False) -> list[int]:
    """Lease pictures, or renew that; one statement, so that of two people who ask at once one gets them.

    Args:
        connection: A write transaction; it needs no turn.
        force: Take those over that others have open.

    Returns:
        The ids that the user holds now, in the given order; those of others are left out.
    """
    asked = list(dict.fromkeys(asset_ids))
    if not asked:
        return []
    now = time.time()
    row = {"actor": user.name, "since": now, "until": now + SECONDS}
    # In one order, or two people who take the same ones would wait for each other.
    rows = [row | {"asset_id": asset_id} for asset_id in sorted(asked)]
    mine = set(connection.execute(_taking(connection.dialect.name, force), rows).scalars())
    return [asset_id for asset_id in asked if asset_id in mine]


def release(connection: Connection, user: User, asset_ids: Sequence[int]) -> None:
    """Give pictures back that the user has open; leases that nobody renewed in time go too."""
    mine = and_(leases.c.actor == user.name, leases.c.asset_id.in_(asset_ids))
    over = select(leases.c.asset_id).where(or_(mine, leases.c.until < time.time()))
    # One that somebody takes at this moment stays.
    over = over.with_for_update(skip_locked=True)
    connection.execute(delete(leases).where(leases.c.asset_id.in_(over)))


def of_others(connection: Connection, user: User) -> dict[int, Lease]:
    """The pictures that other people have open now."""
    rows = connection.execute(select(leases).where(leases.c.until >= time.time(), leases.c.actor != user.name))
    return {row.asset_id: Lease(**row._mapping) for row in rows}


def holder(connection: Connection, user: User, asset_id: int) -> Lease | None:
    """Who else has a picture open; None if nobody has."""
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
            f"{row.actor} has had picture {asset_id} open for {minutes} min. Nothing was changed: take it over, "
            "or go on to another."
        )
    return int(row.sample)


@cache
def _taking(dialect: str, force: bool) -> Any:
    new = insert(dialect, leases)
    mine, held = leases.c.actor == new.excluded.actor, leases.c.until >= new.excluded.since
    changed = {
        "actor": new.excluded.actor,
        "since": case((and_(mine, held), leases.c.since), else_=new.excluded.since),
        "until": new.excluded.until,
    }
    free = None if force else or_(mine, not_(held))
    taking = new.on_conflict_do_update(index_elements=[leases.c.asset_id], set_=changed, where=free)
    return taking.returning(leases.c.asset_id)
