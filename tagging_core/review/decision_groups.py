"""Decision groups: decisions or undos of one gesture, written and taken back together."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from tagging_core import ledger
from tagging_core.common.users import User
from tagging_core.errors import DecisionError
from tagging_core.ledger.events import WRITTEN, Event, Kind
from tagging_core.review import decisions
from tagging_core.review.decisions import Decision
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Taxonomy


@dataclass(frozen=True, slots=True)
class DecisionGroup:
    """What one gesture wrote.

    Attributes:
        id: Takes it back, see `undo_group`.
        event_ids: The ledger's events.
        tag_ids: Tags whose examples it changed.
    """

    id: str
    event_ids: list[int]
    tag_ids: set[str]


def decide_many(
    connection: Connection,
    user: User,
    wanted: Sequence[Decision],
    taxonomy: Taxonomy,
    rates: SamplingRates | None = None,
    act: str = "",
) -> DecisionGroup:
    """Write decisions as one act; all or, when one is refused, none.

    Args:
        rates: As for `decisions.decide`.
        act: The act to add to; a new one if empty.

    Raises:
        TaggingError: As `decisions.decide`; the transaction must be given up then.
    """
    act = act or uuid.uuid4().hex
    written: list[int] = []
    for decision in wanted:
        event_id, is_new = decisions.write(connection, user, decision, taxonomy, act, rates)
        written += [event_id] if is_new else []
    touched = {t for d in wanted for t in (d.tag_id, d.other_tag_id) if t}
    return DecisionGroup(act, written, _standing(touched, taxonomy))


def undo_group(connection: Connection, user: User, act: str, taxonomy: Taxonomy) -> DecisionGroup:
    """Take all decisions of an act back that still stand; an undone undo brings them back.

    Raises:
        DecisionError: There is no such act, or nothing of it stands, or it changed the tag library as well.
    """
    rows = connection.execute(select(events).where(events.c.act == act).order_by(events.c.id)).all()
    if not rows:
        raise DecisionError(f"There is no act {act!r} to take back.")
    if any(row.asset_id is None for row in rows):
        raise DecisionError("This changed the tag library too: take it back in the library's history.")
    return undo_events(connection, user, [ledger.to_event(row) for row in rows], taxonomy)


def undo_period(
    connection: Connection, user: User, actor: str, since: datetime, until: datetime, taxonomy: Taxonomy
) -> DecisionGroup:
    """Take everything back that a person decided in a period, as one act.

    Args:
        actor: Whose decisions.
        since: First moment, UTC without zone.
        until: First moment after.

    Raises:
        DecisionError: That person decided nothing then that still stands.
    """
    mine = events.c.actor == actor, events.c.asset_id.is_not(None), events.c.at >= since, events.c.at < until
    rows = connection.execute(select(events).where(*mine).order_by(events.c.id)).all()
    found = [ledger.to_event(row) for row in rows]
    return undo_events(connection, user, [e for e in found if e.kind not in {Kind.UNDO, *WRITTEN}], taxonomy)


def undo_events(
    connection: Connection, user: User, targets: Sequence[Event], taxonomy: Taxonomy, act: str = ""
) -> DecisionGroup:
    """Take events about assets back that still stand, as one act.

    Args:
        act: The act to add to; a new one if empty.

    Raises:
        DecisionError: None of them stands.
    """
    act = act or uuid.uuid4().hex
    touched = {event.asset_id for event in targets if event.asset_id is not None}
    gone = {i for asset_id in touched for i in ledger.undone_ids(ledger.history_of(connection, asset_id))}
    written, touched_tags = [], set()
    for event in targets:
        if event.id in gone:
            continue
        written.append(decisions.undo(connection, user, event.id, taxonomy, act=act))
        target = decisions.target_of(connection, event.id) if event.kind == Kind.UNDO else event
        touched_tags |= {t for t in (target.tag_id, target.other_tag_id) if t}
    if not written:
        raise DecisionError("Nothing of it stands any more: there is nothing to take back.")
    return DecisionGroup(act, written, _standing(touched_tags, taxonomy))


def _standing(tag_ids: set[str], taxonomy: Taxonomy) -> set[str]:
    """The tags that ids stand for, without those that were deleted."""
    return {found for tag_id in tag_ids if (found := taxonomy.redirects.resolve(tag_id))}
