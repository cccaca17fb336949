"""Precision before and after each change of the tag library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from tagging_core.analytics.accuracy import Outcomes, outcomes
from tagging_core.analytics.drilldown import event_ids
from tagging_core.common import periods
from tagging_core.common.intervals import Interval, proportion_change
from tagging_core.common.periods import Period
from tagging_core.common.users import Action, User, require
from tagging_core.ledger import taxonomy_history
from tagging_core.ledger.events import Kind
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.tally import SHOWN
from tagging_core.ledger.taxonomy_history import ChangeSet
from tagging_core.storage import key_values
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Tag, Taxonomy

AROUND = 30
"""Days before and after a change of the tag library that are compared."""
_MAX_TAGS = 1_000  # read per change


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect of a change of the tag library on the tags it concerns.

    Attributes:
        before: Outcomes of shown suggestions in the AROUND days before the change.
        after: The same in the AROUND days from the change on.
        change: Difference in precision with its 95 % interval.
    """

    act: ChangeSet
    tag_ids: list[str]
    before: Outcomes
    after: Outcomes
    change: Interval


def effects_of_changes(
    connection: Connection, user: User, period: Period, *, taxonomy: Taxonomy, limit: int = 12
) -> list[Effect]:
    """Return the effects of the latest changes in a period, latest first."""
    require(user, Action.REPORT)
    zone = key_values.zone_of(connection)
    day_of = periods.day_in(zone)
    found = []
    first, last = event_ids(connection, period)
    for act in taxonomy_history.recent(connection, 2 * limit, before=last + 1):
        day = date.fromisoformat(day_of(act.at))
        tag_ids = sorted({t for t in map(taxonomy.redirects.resolve, _changed_tags(connection, act)) if t})
        if act.event_id < first or not tag_ids:
            continue
        keys = [key for tag_id in tag_ids for key in reader.sources(tag_id, taxonomy.redirects)]
        windows = (
            Period(day - timedelta(days=AROUND), day - timedelta(days=1)),
            Period(day, day + timedelta(days=AROUND - 1)),
        )
        before, after = (
            outcomes(_sum(reader.by_day(connection, "tag", p, keys=keys).values()), SHOWN) for p in windows
        )
        change = proportion_change((before.right, after.right), (before.opinions, after.opinions))
        found.append(Effect(act, tag_ids, before, after, change))
    return found[:limit]


def _changed_tags(connection: Connection, act: ChangeSet) -> list[str]:
    """Return the ids of up to _MAX_TAGS tags changed by a change set; `act.changes` holds only the first few."""
    if not act.id:
        return [change.after.id for change in act.changes if isinstance(change.after, Tag)]
    query = select(events.c.tag_id).where(events.c.group_id == act.id, events.c.kind == Kind.TAG)
    return list(connection.execute(query.limit(_MAX_TAGS)).scalars())


def _sum(parts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total
