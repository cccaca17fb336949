"""What a manager sees first: what came in, what waits, how far to trust the machine, and what needs a look."""

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
"""Days after which a picture that still waits is worth an alert."""


@dataclass(frozen=True, slots=True)
class Overview:
    """One screen.

    Attributes:
        figures: Of the period, see `tallies`.
        before: Of as many days before.
        review: Where all pictures stand now.
        saved: By suggestions; None before any picture was timed.
        oldest: The day on which the picture came in that waits longest; None if none waits.
        drift: The latest check.
        sensitive: By tag, pictures on which a sensitive suggestion waits.
        copies: Pictures that look like protected ones.
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
        """As honest as there is."""
        return accuracy.honest(self.figures)

    @property
    def waited(self) -> int:
        """Days that the oldest waiting picture has waited."""
        return (self.today - self.oldest).days if self.oldest else 0


def overview(connection: Connection, user: User, taxonomy: Taxonomy, period: Period) -> Overview:
    """What happened in a period, and what waits now.

    Raises:
        NotAllowedError: The user may not read charts.
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
