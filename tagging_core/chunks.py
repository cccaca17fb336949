"""Chunks: pieces of a batch that workers lease one at a time; what a dead worker held is done by another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from tagging_core import batches, projection, webhooks
from tagging_core.store.tables import batches as batch_table
from tagging_core.store.tables import chunks, items, jobs
from tagging_core.webhooks import Happening

LEASE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a batch as a worker sees it."""

    n: int
    source: str
    staged: bool
    name: str
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class End:
    """How an item ended: `done`, `known`, or `refused` with the reason."""

    n: int
    state: str
    asset_id: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some items of a batch, leased to one worker."""

    job_id: int
    n: int
    batch_id: int
    profile: str
    items: list[Item]


def anything_waits(connection: Connection) -> bool:
    """Whether any chunk is left to do, leased or not."""
    query = select(chunks.c.n).join(jobs, jobs.c.id == chunks.c.job_id)
    waiting = query.where(chunks.c.state == "waiting", jobs.c.state == "waiting").limit(1)
    return connection.execute(waiting).first() is not None


def claim(connection: Connection, worker: str) -> Chunk | None:
    """Lease the next waiting chunk, or one whose worker has vanished; None if there is nothing to do."""
    now = time.time()
    free = or_(chunks.c.leased_until.is_(None), chunks.c.leased_until < now)
    query = (
        select(chunks.c.job_id, chunks.c.n, jobs.c.batch_id)
        .join(jobs, jobs.c.id == chunks.c.job_id)
        .where(chunks.c.state == "waiting", jobs.c.state == "waiting", free)
        .order_by(chunks.c.job_id, chunks.c.n)
        .limit(1)
        .with_for_update(of=chunks, skip_locked=True)  # where rows are locked one by one: PostgreSQL
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    mine = and_(chunks.c.job_id == row.job_id, chunks.c.n == row.n, chunks.c.state == "waiting", free)
    lease = {"worker": worker, "leased_until": now + LEASE_SECONDS, "attempts": chunks.c.attempts + 1}
    if connection.execute(update(chunks).where(mine).values(lease)).rowcount != 1:
        return None
    batch = connection.execute(select(batch_table.c.profile).where(batch_table.c.id == row.batch_id)).one()
    waiting = select(items).where(
        items.c.batch_id == row.batch_id, items.c.chunk == row.n, items.c.state == "waiting"
    )
    found = [Item(i.n, i.source, i.staged, i.name, i.text) for i in connection.execute(waiting.order_by(items.c.n))]
    return Chunk(row.job_id, row.n, row.batch_id, batch.profile, found)


def finish_items(connection: Connection, batch_id: int, ends: Sequence[End]) -> None:
    """Write how items ended, and count the pictures that are new to the batch."""
    ids = {end.asset_id for end in ends if end.asset_id is not None}
    projection.join_batch(connection, batch_id, batches.not_in(connection, batch_id, ids))
    mine = and_(items.c.batch_id == batch_id, items.c.n == bindparam("item"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("state", "asset_id", "reason")}
    rows = [{"item": e.n, "new_state": e.state, "new_asset_id": e.asset_id, "new_reason": e.reason} for e in ends]
    if rows:
        connection.execute(update(items).where(mine).values(values), rows)


def finish(connection: Connection, chunk: Chunk) -> bool:
    """Mark a chunk as done; whether that finished its batch."""
    mine = and_(chunks.c.job_id == chunk.job_id, chunks.c.n == chunk.n)
    connection.execute(update(chunks).where(mine).values(state="done", leased_until=None))
    left = select(chunks.c.n).where(chunks.c.job_id == chunk.job_id, chunks.c.state == "waiting").limit(1)
    if connection.execute(left).first() is not None:
        return False
    connection.execute(update(jobs).where(jobs.c.id == chunk.job_id).values(state="done"))
    ended = {"state": "done", "finished_at": datetime.now(UTC).replace(tzinfo=None), "note": ""}
    connection.execute(update(batch_table).where(batch_table.c.id == chunk.batch_id).values(ended))
    webhooks.announce(connection, Happening.BATCH_DONE, [{"batch": chunk.batch_id}])
    return True


def release(connection: Connection, chunk: Chunk) -> None:
    """Give a leased chunk back undone."""
    mine = and_(chunks.c.job_id == chunk.job_id, chunks.c.n == chunk.n)
    connection.execute(update(chunks).where(mine).values(leased_until=None, worker=None))


def release_of(connection: Connection, worker: str) -> None:
    """Give back what a worker holds; for itself, when it works on nothing."""
    held = chunks.c.worker == worker, chunks.c.leased_until.is_not(None), chunks.c.state == "waiting"
    connection.execute(update(chunks).where(*held).values(leased_until=None))


def release_all(connection: Connection) -> None:
    """Give every lease back; for the only worker process there is, when it starts."""
    connection.execute(update(chunks).where(chunks.c.leased_until.is_not(None)).values(leased_until=None))
