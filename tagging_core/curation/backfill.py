"""Back-fill: find reviewed pictures that should probably gain or lose a tag and queue them for review.

A scan reads the reviewed pictures in chunks and queues its findings in `rechecks`; labels change only when a person
answers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection, delete, func, select, update

from tagging_core.common.users import Action, User, require
from tagging_core.embeddings import vectors
from tagging_core.errors import DecisionError
from tagging_core.learning.calibration_data import load_held_out
from tagging_core.learning.classifier import Floats, sigmoid
from tagging_core.learning.library import TagLibrary
from tagging_core.ledger import label_queries
from tagging_core.ledger.events import Kind
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Decision
from tagging_core.review.service import ReviewService
from tagging_core.storage import Database, upsert
from tagging_core.storage.schema import backfills, rechecks, reviews
from tagging_core.taxonomy.model import Taxonomy

NEEDS, LOSES = 0.5, 0.03
"""Probability from which an undecided picture is queued to gain a tag, and leave-one-out probability below which a
picture with the tag is queued to lose it."""

_SAMPLE_SIZE = 1000
_CHUNK_SIZE = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated number of pictures that a back-fill would queue.

    Attributes:
        needs: Pictures that probably need the tag.
        loses: Pictures that should probably lose the tag.
        reviewed: Number of reviewed pictures, all of which would be scanned.
        looked_at: Sample size of the estimate.
    """

    needs: int
    loses: int
    reviewed: int
    looked_at: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """A back-fill of one tag.

    Attributes:
        at: Start, naive UTC.
        running: Whether the scan is still running.
        looked_at: Number of pictures scanned so far.
        needs: Number of queued pictures that probably need the tag.
        loses: Number of queued pictures that should probably lose the tag.
    """

    tag_id: str
    actor: str
    at: datetime
    running: bool
    looked_at: int
    needs: int
    loses: int


def estimate(connection: Connection, library: TagLibrary, tag_id: str) -> Estimate:
    """Estimate the result of a back-fill from a random sample of up to 1,000 reviewed pictures.

    Raises:
        NotFoundError: There is no such tag.
    """
    profiles = _profiles(library.matrix().taxonomy, tag_id)
    query = select(reviews.c.asset_id).where(reviews.c.profile.in_(profiles))
    ids = sorted(set(connection.execute(query.order_by(reviews.c.sample).limit(_SAMPLE_SIZE)).scalars()))
    done = select(func.count(reviews.c.asset_id.distinct())).where(reviews.c.profile.in_(profiles))
    total = int(connection.execute(done).scalar_one())
    found = _scan(connection, library, tag_id, ids=ids)
    scale = total / len(ids) if ids else 0.0
    wanted = [value for value, _ in found.values()]
    return Estimate(round(wanted.count(1) * scale), round(wanted.count(0) * scale), total, len(ids))


def start(connection: Connection, user: User, tag_id: str) -> None:
    """Queue a scan for a tag, replacing an earlier one and its queue.

    Raises:
        NotAllowedError: The user may not change the tag library.
    """
    require(user, Action.CURATE)
    connection.execute(delete(rechecks).where(rechecks.c.tag_id == tag_id))
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {"tag_id": tag_id, "actor": user.name, "at": now, "seen": 0, "looked_at": 0, "state": "running"}
    upsert(connection, backfills, [row])


def stop(connection: Connection, user: User, tag_id: str) -> None:
    """Stop a scan and discard its queue.

    Raises:
        NotAllowedError: The user may not change the tag library.
    """
    require(user, Action.CURATE)
    for table in (backfills, rechecks):
        connection.execute(delete(table).where(table.c.tag_id == tag_id))


def step(database: Database, library: TagLibrary) -> bool:
    """Scan the next chunk of a running back-fill; returns whether there was one. The library should be settled."""
    with database.read() as connection:
        row = connection.execute(select(backfills).where(backfills.c.state == "running").limit(1)).first()
        if row is None:
            return False
        ids = _next_assets(connection, library, row.tag_id, seen=row.seen)
        found = _scan(connection, library, row.tag_id, ids=ids)
    rows = [
        {"tag_id": row.tag_id, "asset_id": a, "wanted": wanted, "probability": p}
        for a, (wanted, p) in found.items()
    ]
    state = "running" if len(ids) == _CHUNK_SIZE else "done"
    values = {"seen": ids[-1] if ids else row.seen, "looked_at": row.looked_at + len(ids), "state": state}
    with database.write() as connection:
        # The scan may have been stopped or restarted in the meantime.
        unchanged = backfills.c.tag_id == row.tag_id, backfills.c.at == row.at, backfills.c.seen == row.seen
        if connection.execute(update(backfills).where(*unchanged).values(**values)).rowcount:
            upsert(connection, rechecks, rows)
    return True


def _next_assets(connection: Connection, library: TagLibrary, tag_id: str, *, seen: int) -> list[int]:
    matrix = library.matrix()
    if tag_id not in matrix.rows:  # deprecated or removed in the meantime
        return []
    done = reviews.c.profile.in_(_profiles(matrix.taxonomy, tag_id)), reviews.c.asset_id > seen
    query = select(reviews.c.asset_id).where(*done).distinct().order_by(reviews.c.asset_id).limit(_CHUNK_SIZE)
    return list(connection.execute(query).scalars())


def listed(connection: Connection) -> list[Backfill]:
    """Return all back-fills, latest first."""
    query = select(rechecks.c.tag_id, rechecks.c.wanted, func.count()).group_by(
        rechecks.c.tag_id, rechecks.c.wanted
    )
    waiting = {(tag_id, wanted): int(n) for tag_id, wanted, n in connection.execute(query)}
    rows = connection.execute(select(backfills).order_by(backfills.c.at.desc()))
    return [
        Backfill(
            row.tag_id,
            row.actor,
            row.at,
            row.state == "running",
            row.looked_at,
            waiting.get((row.tag_id, 1), 0),
            waiting.get((row.tag_id, 0), 0),
        )
        for row in rows
    ]


def waiting(connection: Connection, tag_id: str, wanted: int, *, limit: int = 24) -> list[tuple[int, float]]:
    """Return (asset id, probability) of queued pictures, most certain first; see `BackfillService.waiting`."""
    query = select(rechecks.c.asset_id, rechecks.c.probability).where(
        rechecks.c.tag_id == tag_id, rechecks.c.wanted == wanted
    )
    order = rechecks.c.probability.desc() if wanted else rechecks.c.probability
    return [(row[0], row[1]) for row in connection.execute(query.order_by(order).limit(limit))]


def answers(
    tag_id: str, wanted: int, asked: Sequence[int], *, applies: Collection[int], profile: str
) -> list[Decision]:
    """Return the decisions for a page of queued pictures; pictures that keep their tag need none.

    Args:
        asked: All pictures of the page.
        applies: Those the tag applies to.

    Raises:
        DecisionError: `applies` contains a picture that is not in `asked`.
    """
    if unknown := set(applies) - set(asked):
        raise DecisionError(f"Picture {min(unknown)} is not on this page.")
    decisions = [(a, Kind.ADD if a in applies else Kind.REJECT) for a in asked if not (a in applies and not wanted)]
    return [Decision(kind, a, tag_id, profile=profile, payload={"recheck": True}) for a, kind in decisions]


def answered(connection: Connection, tag_id: str, asset_ids: Sequence[int]) -> None:
    """Remove pictures from the queue."""
    connection.execute(delete(rechecks).where(rechecks.c.tag_id == tag_id, rechecks.c.asset_id.in_(asset_ids)))


class BackfillService:
    """Starts, stops and answers back-fills.

    Args:
        review: Records the answers as decisions.
    """

    def __init__(self, review: ReviewService) -> None:
        self._review, self._database = review, review.database

    def estimate(self, tag_id: str) -> Estimate:
        """Estimate how many reviewed pictures a back-fill would queue."""
        with self._database.read() as connection:
            return estimate(connection, self._review.model.library, tag_id)

    def start(self, user: User, tag_id: str) -> None:
        """Start scanning all reviewed pictures in the background."""
        with self._database.write(durable=True) as connection:
            start(connection, user, tag_id)
        self._review.wake()

    def stop(self, user: User, tag_id: str) -> None:
        """Stop a back-fill and discard its queue."""
        with self._database.write() as connection:
            stop(connection, user, tag_id)

    def step(self) -> bool:
        """Scan the next chunk of a running back-fill; returns whether there was one."""
        return step(self._database, self._review.model.library)

    def listed(self) -> list[Backfill]:
        """Return all back-fills, latest first."""
        with self._database.read() as connection:
            return listed(connection)

    def waiting(self, tag_id: str, wanted: int, limit: int = 24) -> list[tuple[int, float]]:
        """Return (asset id, probability) of queued pictures, most certain first.

        Args:
            wanted: 1 for pictures that probably need the tag, 0 for those that should probably lose it.
        """
        with self._database.read() as connection:
            return waiting(connection, tag_id, wanted, limit=limit)

    def answer(
        self, user: User, tag_id: str, wanted: int, *, asked: Sequence[int], applies: Collection[int]
    ) -> DecisionGroup | None:
        """Answer a page of queued pictures with one decision group; returns None if nothing changes.

        Args:
            wanted: As for `waiting`.
            asked: All pictures of the page.
            applies: Those the tag applies to.
        """
        taxonomy = self._review.model.taxonomy
        profiles = taxonomy.profiles_with(taxonomy.tag(tag_id).category_id)
        decisions = answers(
            tag_id, wanted, asked, applies=applies, profile=profiles[0].id if profiles else "general"
        )
        group = self._review.decide_many(user, decisions) if decisions else None
        with self._database.write() as connection:
            answered(connection, tag_id, asked)
        return group


def _scan(
    connection: Connection, library: TagLibrary, tag_id: str, *, ids: list[int]
) -> dict[int, tuple[int, float]]:
    """Return (1 to gain or 0 to lose the tag, probability) by asset id."""
    matrix = library.matrix()
    if tag_id not in matrix.rows or not ids:
        return {}
    found = vectors.load(connection, library.pictures, ids)
    if not found:
        return {}
    decided = label_queries.decided_assets(connection, tag_id, list(found))
    has = label_queries.decided_assets(connection, tag_id, list(found), value=1)
    undecided = [a for a in sorted(found) if a not in decided]
    wanted = {}
    if undecided:
        p = matrix.probability_of(tag_id, np.stack([found[a] for a in undecided]))
        wanted = {a: (1, float(x)) for a, x in zip(undecided, p, strict=True) if x >= NEEDS}
    doubtful = {a: (0, x) for a, x in _leave_one_out(connection, library, tag_id).items() if a in has and x < LOSES}
    return wanted | doubtful


def _leave_one_out(connection: Connection, library: TagLibrary, tag_id: str) -> dict[int, float]:
    """Return the leave-one-out probability of each of a tag's examples by asset id."""
    rows = load_held_out(connection, library.fingerprint, [tag_id]).get(tag_id)
    if rows is None:
        return {}
    p: Floats = np.asarray(sigmoid(rows["logit"].astype(np.float64)))
    return {int(a): float(x) for a, x in zip(rows["asset"], p, strict=True)}


def _profiles(taxonomy: Taxonomy, tag_id: str) -> list[str]:
    return [profile.id for profile in taxonomy.profiles_with(taxonomy.tag(tag_id).category_id)]
