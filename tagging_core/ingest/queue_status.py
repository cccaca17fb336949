"""Queue status: load, active workers and dead-lettered chunks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from tagging_core.ingest import batches as batch_store
from tagging_core.ingest.batches import Batch
from tagging_core.storage import Database
from tagging_core.storage.schema import batches, chunks, items, jobs

RECENT_SECONDS = 300.0
"""Window for counting recently finished pictures."""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """Size of the queue, in pictures.

    Attributes:
        waiting: In chunks that are not leased.
        in_work: In leased chunks.
        dead_lettered: In dead-lettered chunks.
        oldest_seconds: Age of the oldest batch with waiting pictures; 0 if there is none.
        done_recently: Finished within `RECENT_SECONDS`.
    """

    waiting: int
    in_work: int
    dead_lettered: int
    oldest_seconds: float
    done_recently: int


@dataclass(frozen=True, slots=True)
class WorkerActivity:
    """A worker that has leases or finished chunks within `RECENT_SECONDS`; the counts are of pictures."""

    name: str
    in_work: int
    done_recently: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Dead-lettered pictures of a batch with the same error in their last attempt."""

    batch_id: int
    batch: str
    error: str
    names: list[str]


@dataclass(frozen=True, slots=True)
class QueueReport:
    """The state of the queue."""

    load: QueueLoad
    workers: list[WorkerActivity]
    dead_letters: list[DeadLetter]
    unfinished: list[Batch]


def load(connection: Connection) -> QueueLoad:
    """Return queue depth, work in flight and the age of the oldest batch."""
    now = time.time()
    leased = and_(chunks.c.state == "waiting", chunks.c.leased_until >= now)
    open_ = and_(
        chunks.c.state == "waiting",
        or_(chunks.c.leased_until.is_(None), chunks.c.leased_until < now),
        jobs.c.state == "waiting",
    )
    since = connection.execute(_joined(func.min(batches.c.started_at)).where(open_)).scalar()
    return QueueLoad(
        waiting=_count(connection, _pictures().where(open_)),
        in_work=_count(connection, _pictures().where(leased)),
        dead_lettered=_count(connection, _pictures().where(chunks.c.state == "dead")),
        oldest_seconds=max(0.0, (datetime.now(UTC).replace(tzinfo=None) - since).total_seconds()) if since else 0.0,
        done_recently=_count(connection, _finished().where(chunks.c.done_at > now - RECENT_SECONDS)),
    )


def active_workers(connection: Connection) -> list[WorkerActivity]:
    """Return active workers, by name."""
    now = time.time()
    leased = and_(chunks.c.state == "waiting", chunks.c.leased_until >= now)
    counts: dict[str, list[int]] = {}
    finished = _finished().where(chunks.c.done_at > now - RECENT_SECONDS)
    for n, query in enumerate((_pictures().where(leased), finished)):
        by_worker = query.add_columns(chunks.c.worker).group_by(chunks.c.worker)
        for count, name in connection.execute(by_worker):
            counts.setdefault(name or "", [0, 0])[n] = count
    return [WorkerActivity(name, *found) for name, found in sorted(counts.items())]


def dead_letters(connection: Connection, limit: int = 50) -> list[DeadLetter]:
    """Return the pictures of at most `limit` dead-lettered chunks by batch and error, latest batch first."""
    query = (
        _joined(chunks.c.n, chunks.c.error, batches.c.id.label("batch_id"), batches.c.name)
        .where(chunks.c.state == "dead")
        .order_by(batches.c.id.desc(), chunks.c.n)
        .limit(limit)
    )
    found: dict[tuple[int, str], DeadLetter] = {}
    for row in connection.execute(query).all():
        left = items.c.batch_id == row.batch_id, items.c.chunk == row.n, items.c.state == "waiting"
        names = connection.execute(select(items.c.name).where(*left).order_by(items.c.n)).scalars()
        group = DeadLetter(row.batch_id, row.name, row.error, [])
        found.setdefault((row.batch_id, row.error), group).names.extend(names)
    return list(found.values())


class QueueStatus:
    """Reports the state of the queue to administrators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, limit: int = 50) -> QueueReport:
        """Return a report with at most `limit` dead-lettered chunks and unfinished batches."""
        with self._database.read() as connection:
            return QueueReport(
                load(connection),
                active_workers(connection),
                dead_letters(connection, limit),
                batch_store.unfinished(connection, limit),
            )


def _joined(*columns: object) -> Select[Any]:
    tables = chunks.join(jobs, jobs.c.id == chunks.c.job_id).join(batches, batches.c.id == jobs.c.batch_id)
    joined: Select[Any] = select(*columns).select_from(tables)  # type: ignore[call-overload]
    return joined


def _all_pictures() -> Select[Any]:
    mine = and_(items.c.batch_id == jobs.c.batch_id, items.c.chunk == chunks.c.n)
    tables = chunks.join(jobs, jobs.c.id == chunks.c.job_id).join(items, mine)
    return select(func.count()).select_from(tables)


def _pictures() -> Select[Any]:
    return _all_pictures().where(items.c.state == "waiting")


def _finished() -> Select[Any]:
    return _all_pictures().where(chunks.c.state == "done")


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())
