"""Batches: assets that one person uploads together, split into chunks that workers lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select, update

from tagging_core.common.users import Action, User, require
from tagging_core.errors import NotFoundError, SourceError
from tagging_core.ingest.entries import Entry, path_of, shown
from tagging_core.ledger import projection
from tagging_core.storage import insert_row
from tagging_core.storage.schema import batches, chunks, items, jobs
from tagging_core.taxonomy.model import Profile

CHUNK = 32
_URGENT = 200  # items; larger batches are dispatched after smaller ones, which people wait for
_JOINING = timedelta(days=1)  # age up to which a batch takes in pictures that are tagged one by one


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch and its progress; `rate` is in items per second, `seconds_left` is None if unknown."""

    id: int
    name: str
    profile: str
    actor: str
    created_at: datetime
    state: str
    note: str
    total: int
    ingested: int
    known: int
    refused: int
    rate: float
    seconds_left: float | None
    seconds: float

    @property
    def finished(self) -> int:
        """Number of items that are ingested, known or refused."""
        return self.ingested + self.known + self.refused


def submit(connection: Connection, user: User, name: str, *, profile: Profile, entries: Sequence[Entry]) -> int:
    """Queue a batch whose files are staged already; return its id.

    Raises:
        NotAllowedError: The user may not upload.
        SourceError: There are no entries.
    """
    require(user, Action.UPLOAD)
    if not entries:
        raise SourceError("The batch is empty: there are no files to ingest.")
    now = _now()
    row = {"name": name[:200] or "Untitled", "profile": profile.id, "actor": user.name, "created_at": now}
    batch_id = insert_row(connection, batches, row | {"state": "running", "started_at": now})
    size = max(1, min(CHUNK, len(entries) // 8))  # so that small batches, too, occupy several threads
    connection.execute(items.insert(), [_item_row(batch_id, n, n // size, entry=e) for n, e in enumerate(entries)])
    job = {"kind": "ingest", "batch_id": batch_id, "state": "waiting", "created_at": now}
    job["bulk"] = len(entries) > _URGENT
    job_id = insert_row(connection, jobs, job)
    pieces = range((len(entries) + size - 1) // size)
    connection.execute(chunks.insert(), [{"job_id": job_id, "n": n, "state": "waiting"} for n in pieces])
    return batch_id


def join(
    connection: Connection,
    user: User,
    name: str,
    *,
    profile: Profile,
    pictures: Sequence[tuple[int, str, bool]],
    fresh: bool = False,
) -> int:
    """Add stored assets to the user's recent finished batch of this name and profile, or to a new one.

    Args:
        pictures: Id, name, and whether the asset is new to the archive; those already in the batch are skipped.
        fresh: Whether to create a new batch in any case.

    Returns:
        The batch's id.

    Raises:
        NotAllowedError: The user may not upload.
    """
    require(user, Action.UPLOAD)
    now = _now()
    row = {"name": name[:200], "profile": profile.id, "actor": user.name}
    same = [batches.c[key] == value for key, value in row.items()]
    known = select(batches.c.id).where(*same, batches.c.state == "done", batches.c.created_at >= now - _JOINING)
    batch_id = None if fresh else connection.execute(known.order_by(batches.c.id.desc()).limit(1)).scalar()
    if batch_id is None:
        times = {"created_at": now, "started_at": now, "finished_at": now}
        batch_id = insert_row(connection, batches, row | times | {"state": "done"})
    next_n = connection.execute(select(func.max(items.c.n) + 1).where(items.c.batch_id == batch_id)).scalar() or 0
    new = {asset_id for asset_id, _, is_new in pictures if is_new}
    old = not_in(connection, batch_id, {asset_id for asset_id, _, _ in pictures} - new)
    added = new | old
    projection.join_batch(connection, batch_id, old, new=len(new))
    rows: list[dict[str, Any]] = [
        {
            "batch_id": batch_id,
            "n": next_n + n,
            "chunk": 0,
            "source": "",
            "staged": False,
            "name": name,
            "text": {},
            "state": "done" if new else "known",
            "asset_id": asset_id,
        }
        for n, (asset_id, name, new) in enumerate(p for p in pictures if p[0] in added)
    ]
    if rows:
        connection.execute(items.insert(), rows)
    return int(batch_id)


def not_in(connection: Connection, batch_id: int, asset_ids: set[int]) -> set[int]:
    """Return the assets, among those given, that are not in a batch."""
    if not asset_ids:
        return set()
    present = select(items.c.asset_id).where(items.c.batch_id == batch_id, items.c.asset_id.in_(asset_ids))
    return asset_ids - set(connection.execute(present).scalars())


def stop(connection: Connection, batch_id: int, note: str = "") -> None:
    """Stop a running batch after its leased chunks; finished items are kept."""
    _set_state(connection, batch_id, "stopped", before="running", values={"note": note})


def resume(connection: Connection, batch_id: int) -> None:
    """Resume a stopped batch; dead-lettered chunks are retried."""
    mine = select(jobs.c.id).where(jobs.c.batch_id == batch_id)
    left = and_(chunks.c.job_id.in_(mine), chunks.c.state.in_(("waiting", "dead")), chunks.c.leased_until.is_(None))
    again = {"state": "waiting", "attempts": 0, "sent_at": None, "not_before": None}
    connection.execute(update(chunks).where(left).values(again))
    done = select(func.count()).where(items.c.batch_id == batch_id, items.c.state != "waiting").scalar_subquery()
    _set_state(
        connection,
        batch_id,
        "running",
        before="stopped",
        values={"note": "", "started_at": _now(), "finished_before": done},
    )


def get(connection: Connection, batch_id: int) -> Batch:
    """Return a batch and its progress.

    Raises:
        NotFoundError: There is no such batch.
    """
    row = connection.execute(select(batches).where(batches.c.id == batch_id)).first()
    if row is None:
        raise NotFoundError(f"There is no batch {batch_id}.")
    return _to_batches(connection, [row])[0]


def recent(connection: Connection, limit: int = 20, before: int = 0) -> list[Batch]:
    """Return the latest batches, latest first.

    Args:
        before: Only batches with a lower id, for paging; 0 for all.
    """
    query = select(batches).order_by(batches.c.id.desc()).limit(limit)
    return _to_batches(
        connection, connection.execute(query.where(batches.c.id < before) if before else query).all()
    )


def batch_of_job(connection: Connection, job_id: int) -> int:
    """Return the batch of a job.

    Raises:
        NotFoundError: There is no such job.
    """
    batch_id = connection.execute(select(jobs.c.batch_id).where(jobs.c.id == job_id)).scalar()
    if batch_id is None:
        raise NotFoundError(f"There is no job {job_id}.")
    return int(batch_id)


def job_of(connection: Connection, batch_id: int) -> int:
    """Return the job of a batch; 0 if the batch was created from stored assets."""
    return int(connection.execute(select(jobs.c.id).where(jobs.c.batch_id == batch_id)).scalar() or 0)


def recent_jobs(connection: Connection, limit: int, before: int = 0) -> list[int]:
    """Return the batches of the latest jobs, latest first.

    Args:
        before: Only jobs with a lower id, for paging; 0 for all.
    """
    query = select(jobs.c.batch_id).order_by(jobs.c.id.desc()).limit(limit)
    return list(connection.execute(query.where(jobs.c.id < before) if before else query).scalars())


def unfinished(connection: Connection, limit: int = 50) -> list[Batch]:
    """Return running and stopped batches, latest first."""
    query = select(batches).where(batches.c.state != "done").order_by(batches.c.id.desc()).limit(limit)
    return _to_batches(connection, connection.execute(query).all())


def names(connection: Connection, limit: int = 200) -> dict[int, tuple[str, str]]:
    """Return name and profile of the latest batches by id, latest first."""
    query = select(batches.c.id, batches.c.name, batches.c.profile).order_by(batches.c.id.desc()).limit(limit)
    return {row.id: (row.name, row.profile) for row in connection.execute(query)}


def refused(connection: Connection, batch_id: int, limit: int = 200) -> list[tuple[str, str]]:
    """Return name and reason of refused items, in upload order."""
    query = select(items.c.name, items.c.reason).where(items.c.batch_id == batch_id, items.c.state == "refused")
    return [(row.name, row.reason) for row in connection.execute(query.order_by(items.c.n).limit(limit))]


def refused_sources(connection: Connection, batch_id: int) -> list[tuple[str, str]]:
    """Return path, or name if it was uploaded, and reason of every refused file of a batch."""
    mine = items.c.batch_id == batch_id, items.c.state == "refused"
    rows = connection.execute(select(items).where(*mine).order_by(items.c.n)).all()
    return [
        (row.name if row.staged or not row.source else shown(str(path_of(row.source))), row.reason) for row in rows
    ]


def staged_sources(connection: Connection) -> set[str]:
    """Return blob names of staged files that are not ingested yet; start-up removes all others."""
    query = select(items.c.source).where(items.c.staged.is_(True), items.c.state == "waiting")
    return set(connection.execute(query).scalars())


def _set_state(connection: Connection, batch_id: int, state: str, *, before: str, values: dict[str, Any]) -> None:
    mine = and_(batches.c.id == batch_id, batches.c.state == before)
    changed = connection.execute(update(batches).where(mine).values({"state": state, **values})).rowcount
    if changed:
        job_state = "waiting" if state == "running" else "stopped"
        job = and_(jobs.c.batch_id == batch_id, jobs.c.state != "done")
        connection.execute(update(jobs).where(job).values(state=job_state))


def _item_row(batch_id: int, n: int, chunk: int, *, entry: Entry) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "n": n,
        "chunk": chunk,
        "source": entry.source,
        "staged": entry.staged,
        "name": entry.name,
        "text": entry.text.as_dict(),
        "state": "refused" if entry.reason else "waiting",
        "reason": entry.reason,
    }


def _to_batches(connection: Connection, rows: Sequence[Row[Any]]) -> list[Batch]:
    query = select(items.c.batch_id, items.c.state, func.count()).where(items.c.batch_id.in_([r.id for r in rows]))
    counts: dict[int, dict[str, int]] = {}
    for batch_id, state, n in connection.execute(query.group_by(items.c.batch_id, items.c.state)):
        counts.setdefault(batch_id, {})[state] = int(n)
    return [_to_batch(row, counts.get(row.id, {})) for row in rows]


def _to_batch(row: Row[Any], counts: dict[str, int]) -> Batch:
    waiting, total = counts.get("waiting", 0), sum(counts.values())
    seconds = ((row.finished_at or _now()) - row.started_at).total_seconds()
    rate = max(0, total - waiting - row.finished_before) / max(seconds, 0.01)
    left = waiting / rate if rate > 0 and row.state == "running" else None
    return Batch(
        id=row.id,
        name=row.name,
        profile=row.profile,
        actor=row.actor,
        created_at=row.created_at,
        state=row.state,
        note=row.note,
        total=total,
        ingested=counts.get("done", 0),
        known=counts.get("known", 0),
        refused=counts.get("refused", 0),
        rate=rate,
        seconds_left=left,
        seconds=seconds,
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
