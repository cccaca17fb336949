"""Dashboard summary: uploads, review queue, accuracy and alerts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from tagging_core.analytics import accuracy, drift, productivity
from tagging_core.analytics.accuracy import Outcomes
from tagging_core.analytics.drift import Check
from tagging_core.analytics.productivity import Savings
from tagging_core.assets import protected
from tagging_core.common import periods
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger.rollups import reader
from tagging_core.review import queue, sensitive_queue
from tagging_core.review.queue import QueueProgress
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Taxonomy

OLD = 7
"""Days in the review queue after which a picture raises an alert."""


@dataclass(frozen=True, slots=True)
class Overview:
    """Data of the dashboard.

    Attributes:
        figures: Counts of the period, see `ledger.rollups.tally`.
        before: Counts of the preceding period of the same length.
        review: Current progress of the review queue.
        saved: Time saved by suggestions; None before any review was timed.
        oldest: Upload date of the oldest unreviewed picture; None if the queue is empty.
        drift: Latest drift check, if any.
        sensitive: Number of undecided suggestions by sensitive tag; tags without any are absent.
        copies: Number of pictures that resemble protected ones.
    """

    period: Period
    today: date
    figures: Counter[str]
    before: Counter[str]
    review: QueueProgress
    saved: Savings | None
    oldest: date | None
    drift: Check | None
    sensitive: dict[str, int]
    copies: int

    @property
    def accuracy(self) -> Outcomes:
        """Outcomes from the blind sample if it is large enough, else from shown suggestions."""
        return accuracy.best_outcomes(self.figures)

    @property
    def waited(self) -> int:
        """Age of the oldest unreviewed picture in days; 0 if the queue is empty."""
        return (self.today - self.oldest).days if self.oldest else 0


def overview(connection: Connection, user: User, taxonomy: Taxonomy, *, period: Period) -> Overview:
    """Return the dashboard data of a period.

    Raises:
        NotAllowedError: The user may not read reports.
    """
    require(user, Action.REPORT)
    now, before = (reader.totals(connection, "all", p).get("", Counter()) for p in (period, period.before))
    first = select(assets.c.created_at).where(assets.c.review == "new").order_by(assets.c.id).limit(1)
    waiting = connection.execute(first).scalar()
    day_of = periods.day_in(key_values.zone_of(connection))
    checks = drift.latest(connection, user, 1)
    return Overview(
        period=period,
        today=key_values.today(connection),
        figures=now,
        before=before,
        review=queue.progress(connection),
        saved=productivity.estimate_savings(productivity.times(now)),
        oldest=date.fromisoformat(day_of(waiting)) if waiting else None,
        drift=next(iter(checks.values()), None),
        sensitive={t: n for t, n in sensitive_queue.waiting(connection, taxonomy).items() if n},
        copies=protected.count_alerts(connection),
    )
