"""Chunks: parts of a batch that workers lease; when a lease expires, another worker takes the chunk over.

The tables hold the state of all work, with leases, attempts and errors; the message queue only notifies workers.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, tuple_, update

from tagging_core.ingest import batches
from tagging_core.ledger import projection, webhook_outbox
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.storage.schema import batches as batch_table
from tagging_core.storage.schema import chunks, items, jobs

LEASE_SECONDS = 30.0
"""Time after the last heartbeat at which a lease expires."""

ATTEMPTS = 4
"""Attempts before a chunk is dead-lettered."""

_BACKOFF_SECONDS = 2.0  # delay before the second attempt, doubled for each further one

Ref = tuple[int, int]
"""A chunk's key: the job's id and the chunk's number within it."""


@dataclass(frozen=True, slots=True)
class Item:
    """An unfinished file of a batch."""

    n: int
    source: str
    staged: bool
    name: str
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """Result of an item; `state` is `done`, `known`, or `refused` with a reason."""

    n: int
    state: str
    asset_id: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A leased chunk with its unfinished items; `attempt` counts from 1."""

    job_id: int
    n: int
    batch_id: int
    profile: str
    actor: str
    attempt: int
    items: list[Item]

    @property
    def ref(self) -> Ref:
        """The chunk's key."""
        return self.job_id, self.n


@dataclass(frozen=True, slots=True)
class Due:
    """A chunk to be dispatched; `bulk` chunks have low priority."""

    ref: Ref
    bulk: bool


# ---- dispatch ----------------------------------------------------------------------------------------------


def due(connection: Connection, limit: int) -> list[Due]:
    """Return chunks that were not dispatched yet or whose lease expired, low-priority ones last."""
    now = time.time()
    ready = or_(chunks.c.not_before.is_(None), chunks.c.not_before <= now)
    found: list[Due] = []
    # Two queries, so that each uses its own index.
    for reason in (chunks.c.sent_at.is_(None), chunks.c.leased_until < now):
        query = (
            select(chunks.c.job_id, chunks.c.n, jobs.c.bulk)
            .join(jobs, jobs.c.id == chunks.c.job_id)
            .where(_waiting(), jobs.c.state == "waiting", chunks.c.attempts < ATTEMPTS, reason, ready)
            .order_by(jobs.c.bulk, chunks.c.job_id, chunks.c.n)
            .limit(limit)
        )
        found += [Due((row.job_id, row.n), row.bulk) for row in connection.execute(query)]
    return list(dict.fromkeys(found))[:limit]


def mark_sent(connection: Connection, refs: Sequence[Ref]) -> None:
    """Mark chunks as dispatched and end their expired leases."""
    _set_sent(connection, refs, time.time())


def undelivered(connection: Connection, seconds: float) -> list[Ref]:
    """Return chunks that were dispatched at least this long ago and not claimed, oldest message first."""
    overdue = and_(_waiting(), chunks.c.leased_until.is_(None), chunks.c.sent_at <= time.time() - seconds)
    query = select(chunks.c.job_id, chunks.c.n).join(jobs, jobs.c.id == chunks.c.job_id)
    going = query.where(overdue, jobs.c.state == "waiting").order_by(chunks.c.sent_at)
    return [(row.job_id, row.n) for row in connection.execute(going)]


def any_in_progress(connection: Connection) -> bool:
    """Whether any chunk is leased."""
    held = select(chunks.c.n).where(_waiting(), chunks.c.leased_until >= time.time())
    return connection.execute(held.limit(1)).first() is not None


def redispatch(connection: Connection, refs: Sequence[Ref]) -> None:
    """Mark chunks that are not leased for dispatch."""
    _set_sent(connection, refs, None)


# ---- leases and results ------------------------------------------------------------------------------------


def claim(connection: Connection, worker: str, ref: Ref) -> Chunk | None:
    """Lease a chunk; None if it is done, stopped, leased, or waits for its back-off."""
    now = time.time()
    going = select(jobs.c.batch_id).where(jobs.c.id == ref[0], jobs.c.state == "waiting")
    batch_id = connection.execute(going).scalar()
    if batch_id is None:
        return None
    free = or_(chunks.c.leased_until.is_(None), chunks.c.leased_until < now)
    ready = or_(chunks.c.not_before.is_(None), chunks.c.not_before <= now)
    mine = select(chunks.c.attempts).where(_is(ref), _waiting(), free, ready)
    attempts = connection.execute(mine.with_for_update(skip_locked=True)).scalar()  # PostgreSQL locks rows
    if attempts is None:
        return None
    lease = {"worker": worker, "leased_until": now + LEASE_SECONDS, "attempts": attempts + 1}
    connection.execute(update(chunks).where(_is(ref)).values(lease))
    batch = connection.execute(select(batch_table).where(batch_table.c.id == batch_id)).one()
    left = select(items).where(items.c.batch_id == batch_id, items.c.chunk == ref[1], items.c.state == "waiting")
    found = [Item(i.n, i.source, i.staged, i.name, i.text) for i in connection.execute(left.order_by(items.c.n))]
    return Chunk(*ref, batch_id, batch.profile, batch.actor, attempts + 1, found)


def renew(connection: Connection, worker: str, refs: Collection[Ref]) -> None:
    """Extend a worker's leases on these chunks."""
    held = and_(chunks.c.worker == worker, chunks.c.leased_until.is_not(None), _waiting(), _among(refs))
    connection.execute(update(chunks).where(held).values(leased_until=time.time() + LEASE_SECONDS))


def release_but(connection: Connection, worker: str, refs: Collection[Ref]) -> None:
    """Release a worker's other leases, left over from a lost connection; they do not count as attempts."""
    held = and_(chunks.c.worker == worker, chunks.c.leased_until.is_not(None), _waiting(), ~_among(refs))
    values = {"leased_until": None, "sent_at": None, "attempts": chunks.c.attempts - 1}
    connection.execute(update(chunks).where(held).values(values))


def release(connection: Connection, chunk: Chunk, seconds: float = 0.0) -> None:
    """Release a lease without counting the attempt; the chunk is due again after this many seconds."""
    values = {"leased_until": None, "sent_at": None, "not_before": time.time() + seconds}
    connection.execute(update(chunks).where(_is(chunk.ref)).values(values | {"attempts": chunk.attempt - 1}))


def release_all(connection: Connection) -> None:
    """Expire all leases; for the start of the only worker process."""
    connection.execute(update(chunks).where(chunks.c.leased_until.is_not(None)).values(leased_until=0.0))


def is_waiting(connection: Connection, chunk: Chunk) -> bool:
    """Whether a chunk is unfinished: another worker may have finished it after the lease expired."""
    return connection.execute(select(chunks.c.n).where(_is(chunk.ref), _waiting())).first() is not None


def finish_items(connection: Connection, batch_id: int, ends: Sequence[ItemResult]) -> None:
    """Write the results of items, and update the counters of the batch."""
    ids = {end.asset_id for end in ends if end.asset_id is not None}
    projection.join_batch(connection, batch_id, batches.not_in(connection, batch_id, ids))
    mine = and_(items.c.batch_id == batch_id, items.c.n == bindparam("item"))
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("state", "asset_id", "reason")}
    rows = [{"item": e.n, "new_state": e.state, "new_asset_id": e.asset_id, "new_reason": e.reason} for e in ends]
    if rows:
        connection.execute(update(items).where(mine).values(values), rows)


def finish(connection: Connection, chunk: Chunk) -> None:
    """Mark a chunk as done, and its batch if no chunk is left."""
    done = {"state": "done", "leased_until": None, "done_at": time.time(), "error": ""}
    connection.execute(update(chunks).where(_is(chunk.ref)).values(done))
    _finish_batch(connection, chunk.job_id)


def fail(connection: Connection, chunk: Chunk, error: str) -> None:
    """Record a failed attempt: retry after a back-off, or dead-letter the chunk after the last attempt."""
    values: dict[str, Any] = {"leased_until": None, "sent_at": None, "error": error}
    if chunk.attempt < ATTEMPTS:
        values["not_before"] = time.time() + _BACKOFF_SECONDS * 2 ** (chunk.attempt - 1)
        connection.execute(update(chunks).where(_is(chunk.ref)).values(values))
    else:
        _dead_letter(connection, chunk.ref, values)


def poisoned(connection: Connection) -> list[Ref]:
    """Return poison chunks, for which the lease of every attempt expired."""
    often = and_(_waiting(), chunks.c.leased_until < time.time(), chunks.c.attempts >= ATTEMPTS)
    return [(row.job_id, row.n) for row in connection.execute(select(chunks.c.job_id, chunks.c.n).where(often))]


def dead_letter(connection: Connection, refs: Sequence[Ref]) -> None:
    """Dead-letter poison chunks."""
    for ref in refs:
        error = f"The worker crashed or hung in each of {ATTEMPTS} attempts."
        _dead_letter(connection, ref, {"leased_until": None, "error": error})


# ---- helpers -----------------------------------------------------------------------------------------------


def _set_sent(connection: Connection, refs: Sequence[Ref], moment: float | None) -> None:
    mine = and_(chunks.c.job_id == bindparam("job"), chunks.c.n == bindparam("number"))
    free = or_(chunks.c.leased_until.is_(None), chunks.c.leased_until < time.time())
    if refs:
        rows = [{"job": job_id, "number": n} for job_id, n in refs]
        connection.execute(update(chunks).where(mine, free).values(sent_at=moment, leased_until=None), rows)


def _dead_letter(connection: Connection, ref: Ref, values: dict[str, Any]) -> None:
    connection.execute(update(chunks).where(_is(ref)).values(values | {"state": "dead"}))
    _finish_batch(connection, ref[0])


def _finish_batch(connection: Connection, job_id: int) -> None:
    """Finish a batch that has no chunks left; stop it if some were dead-lettered."""
    query = select(chunks.c.state).where(chunks.c.job_id == job_id, chunks.c.state != "done")
    left = {row.state for row in connection.execute(query.group_by(chunks.c.state))}
    if "waiting" in left:
        return
    batch_id = connection.execute(select(jobs.c.batch_id).where(jobs.c.id == job_id)).scalar_one()
    if left:
        pictures = select(func.count()).where(items.c.batch_id == batch_id, items.c.state == "waiting")
        count = connection.execute(pictures).scalar_one()
        batches.stop(connection, batch_id, f"{count} could not be processed; see the page Jobs for the reasons.")
        return
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(state="done"))
    values = {"state": "done", "finished_at": datetime.now(UTC).replace(tzinfo=None), "note": ""}
    connection.execute(update(batch_table).where(batch_table.c.id == batch_id).values(values))
    webhook_outbox.announce(connection, EventType.BATCH_DONE, [{"batch": batch_id}])


def _is(ref: Ref) -> ColumnElement[bool]:
    return and_(chunks.c.job_id == ref[0], chunks.c.n == ref[1])


def _among(refs: Collection[Ref]) -> ColumnElement[bool]:
    return tuple_(chunks.c.job_id, chunks.c.n).in_(list(refs))


def _waiting() -> ColumnElement[bool]:
    return chunks.c.state == "waiting"
