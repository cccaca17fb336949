"""Daily drift check: compares recent uploads with earlier ones.

Two tests, each with false alarm rate FALSE_ALARMS: a permutation test of image embeddings by batch
(`intervals.mean_discrepancy`) and tests of tag shares (`trends.movers`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from math import comb
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from tagging_core.analytics import trends
from tagging_core.common import periods as days
from tagging_core.common.intervals import mean_discrepancy
from tagging_core.common.periods import Period
from tagging_core.common.users import SYSTEM, Action, User, require
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.library import TagLibrary
from tagging_core.ledger.rollups.content import Basis
from tagging_core.storage import Database, key_values, upsert
from tagging_core.storage.schema import assets, drift, items
from tagging_core.taxonomy.model import Taxonomy

NOW, REFERENCE = 14, 90
"""Length in days of the tested period and of the reference period before it."""

FALSE_ALARMS = 0.01
"""Significance level of each test: the share of checks that raise an alarm although nothing changed."""

LEAST = 50
"""Minimum number of pictures in each period."""

_SAMPLE_SIZE = 400  # pictures per period
_PERMUTATIONS = 999  # the smallest p-value is 0.001


@dataclass(frozen=True, slots=True)
class Drifted:
    """A tag whose share changed; shares in [0, 1], bounds at confidence 1 - FALSE_ALARMS over all tags."""

    tag_id: str
    before: float
    now: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one day's check.

    Attributes:
        p: p-value of the embedding test, in (0, 1]; None if there was too little data.
        reason: Why `p` is None.
        pictures: Sample sizes in the tested period and in the reference period.
        uploads: Number of batches in each sample.
        tags: Tags whose share changed.
    """

    p: float | None
    reason: str = ""
    pictures: tuple[int, int] = (0, 0)
    uploads: tuple[int, int] = (0, 0)
    tags: list[Drifted] = field(default_factory=list)

    @property
    def alarm(self) -> bool:
        """Whether the image embeddings have drifted."""
        return self.p is not None and self.p <= FALSE_ALARMS


def periods(today: date) -> tuple[Period, Period]:
    """Return the tested period and the reference period of a day's check."""
    now = Period.latest(NOW, today)
    return now, Period(now.first - timedelta(days=REFERENCE), now.first - timedelta(days=1))


def check_if_due(database: Database, library: TagLibrary, taxonomy: Taxonomy) -> bool:
    """Run the day's check unless it has run; returns whether it ran."""
    with database.read() as connection:
        day = key_values.today(connection)
        if connection.execute(select(drift.c.day).where(drift.c.day == day.isoformat())).first():
            return False
        found = check(connection, library.fingerprint, taxonomy, day=day)
    with database.write() as connection:
        upsert(connection, drift, [{"day": day.isoformat(), "found": asdict(found)}])
    return True


def check(connection: Connection, fingerprint: str, taxonomy: Taxonomy, *, day: date) -> Check:
    """Compare recent uploads with those of the reference period.

    Args:
        fingerprint: Vector space of the embeddings.
    """
    now, reference = periods(day)
    latest, earlier = (_sample(connection, fingerprint, period) for period in (now, reference))
    pictures = len(latest[1]), len(earlier[1])
    uploads = len(set(latest[1])), len(set(earlier[1]))
    tags = _tags(connection, taxonomy, now, reference=reference)
    if min(pictures) < LEAST:
        reason = f"Too few pictures: {pictures[0]} recent and {pictures[1]} earlier, at least {LEAST} each needed."
        return Check(None, reason, pictures, uploads, tags)
    if comb(sum(uploads), uploads[0]) * FALSE_ALARMS < 1:
        reason = f"Too few uploads for a significant result: {uploads[0]} recent and {uploads[1]} earlier."
        return Check(None, reason, pictures, uploads, tags)
    combined = np.concatenate([latest[0], earlier[0]])
    groups = np.concatenate([latest[1], earlier[1]])
    p = mean_discrepancy(_kernel(combined), groups, np.arange(len(groups)) < pictures[0], draws=_PERMUTATIONS)
    return Check(p, "", pictures, uploads, tags)


def latest(connection: Connection, user: User, limit: int = 60) -> dict[str, Check]:
    """Return the latest checks by day, latest first."""
    require(user, Action.REPORT)
    rows = connection.execute(select(drift).order_by(drift.c.day.desc()).limit(limit))
    return {row.day: _read(row.found) for row in rows}


def _read(found: dict[str, Any]) -> Check:
    tags = [Drifted(**tag) for tag in found["tags"]]
    return Check(found["p"], found["reason"], tuple(found["pictures"]), tuple(found["uploads"]), tags)


def _sample(connection: Connection, fingerprint: str, period: Period) -> tuple[Vectors, np.ndarray]:
    """Return embeddings `(n, d)` of a random sample of a period's pictures and their first batches `(n,)`.

    Pictures without a batch, added through the API, each form a group of their own.
    """
    first, after = days.moments(period, key_values.zone_of(connection))
    query = select(assets.c.id).where(assets.c.created_at >= first, assets.c.created_at < after)
    ids = list(connection.execute(query.order_by(assets.c.sample).limit(_SAMPLE_SIZE)).scalars())
    found = vectors.load(connection, fingerprint, ids)
    first_batch = select(items.c.asset_id, func.min(items.c.batch_id)).where(items.c.asset_id.in_(ids))
    batch_of = {row[0]: row[1] for row in connection.execute(first_batch.group_by(items.c.asset_id))}
    known = [asset_id for asset_id in ids if asset_id in found]
    if not known:
        return np.zeros((0, 1), np.float32), np.zeros(0, np.int64)
    return np.stack([found[a] for a in known]), np.array([batch_of.get(a, -a) for a in known], np.int64)


def _kernel(x: Vectors) -> np.ndarray:
    """Return the Gaussian kernel `(n, n)`, bandwidth by the median heuristic (Gretton et al. 2012, section 8)."""
    squared = np.maximum(0.0, 2 - 2 * (x @ x.T).astype(np.float64))
    return np.asarray(np.exp(-squared / max(float(np.median(squared)), 1e-9)))


def _tags(connection: Connection, taxonomy: Taxonomy, now: Period, *, reference: Period) -> list[Drifted]:
    before, recent = (trends.load(connection, SYSTEM, Basis.UPLOADED, period=period) for period in (reference, now))
    if min(before.total, recent.total) < LEAST:
        return []
    changes = trends.movers(before, recent, taxonomy, level=1 - FALSE_ALARMS)
    return [Drifted(m.tag_id, m.before, m.now, m.change.low, m.change.high) for m in changes]
