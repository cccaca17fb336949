"""Decision groups: decisions or undos of one user action, written and undone together."""

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
from tagging_core.review import decisions, retractions
from tagging_core.review.decisions import Decision
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Taxonomy


@dataclass(frozen=True, slots=True)
class DecisionGroup:
    """Result of writing a decision group.

    Attributes:
        id: The id to pass to `undo_group`.
        event_ids: Ids of its ledger events.
        tag_ids: Tags whose training examples changed.
    """

    id: str
    event_ids: list[int]
    tag_ids: set[str]


def decide_many(
    connection: Connection,
    user: User,
    wanted: Sequence[Decision],
    *,
    taxonomy: Taxonomy,
    rates: SamplingRates | None = None,
    group_id: str = "",
) -> DecisionGroup:
    """Write decisions as one group, all or none.

    Args:
        rates: See `decisions.decide`.
        group_id: Id of the group to add to; a new one if empty.

    Raises:
        TaggingError: See `decisions.decide`; roll the transaction back then.
    """
    group_id = group_id or uuid.uuid4().hex
    written: list[int] = []
    for decision in wanted:
        event_id, is_new = decisions.write(
            connection, user, decision, taxonomy=taxonomy, group_id=group_id, rates=rates
        )
        written += [event_id] if is_new else []
    touched = {t for d in wanted for t in (d.tag_id, d.other_tag_id) if t}
    return DecisionGroup(group_id, written, _resolved(touched, taxonomy))


def undo_group(connection: Connection, user: User, group_id: str, *, taxonomy: Taxonomy) -> DecisionGroup:
    """Undo all decisions of a group that are still in effect; undoing the undo restores them.

    Raises:
        NotAllowedError: The user may not review.
        DecisionError: There is no such group, none of it is in effect, or it changed the taxonomy as well.
    """
    rows = connection.execute(select(events).where(events.c.group_id == group_id).order_by(events.c.id)).all()
    if not rows:
        raise DecisionError(f"There is no decision group {group_id!r} to undo.")
    if any(row.asset_id is None for row in rows):
        raise DecisionError("This also changed the tag library: undo it in the library's history.")
    return undo_events(connection, user, [ledger.to_event(row) for row in rows], taxonomy=taxonomy)


def undo_period(
    connection: Connection, user: User, actor: str, *, since: datetime, until: datetime, taxonomy: Taxonomy
) -> DecisionGroup:
    """Undo everything a user decided in a period, as one group.

    Args:
        actor: Name of the user whose decisions are undone.
        since: Start, inclusive; naive UTC.
        until: End, exclusive; naive UTC.

    Raises:
        NotAllowedError: The user may not review.
        DecisionError: No decision of that user and period is still in effect.
    """
    mine = events.c.actor == actor, events.c.asset_id.is_not(None), events.c.at >= since, events.c.at < until
    rows = connection.execute(select(events).where(*mine).order_by(events.c.id)).all()
    found = [ledger.to_event(row) for row in rows]
    return undo_events(
        connection, user, [e for e in found if e.kind not in {Kind.UNDO, *WRITTEN}], taxonomy=taxonomy
    )


def undo_events(
    connection: Connection, user: User, targets: Sequence[Event], *, taxonomy: Taxonomy, group_id: str = ""
) -> DecisionGroup:
    """Undo those events about assets that are still in effect, as one group.

    Args:
        group_id: Id of a change of the tag library, whose undo has a right of its own; a new group if empty.

    Raises:
        NotAllowedError: The user may not undo one of them.
        DecisionError: None of them is in effect.
        LeasedError: Another user has leased one of the pictures.
    """
    of_library, group_id = bool(group_id), group_id or uuid.uuid4().hex
    touched = {event.asset_id for event in targets if event.asset_id is not None}
    already_undone = {i for asset_id in touched for i in ledger.undone_ids(ledger.history_of(connection, asset_id))}
    written, touched_tags = [], set()
    for event in targets:
        if event.id in already_undone:
            continue
        if of_library:
            written.append(retractions.revert(connection, user, event, taxonomy=taxonomy, group_id=group_id))
        else:
            written.append(retractions.undo(connection, user, event.id, taxonomy=taxonomy, group_id=group_id))
        target = retractions.target_of(connection, event.id) if event.kind == Kind.UNDO else event
        touched_tags |= {t for t in (target.tag_id, target.other_tag_id) if t}
    if not written:
        raise DecisionError("All of it has been undone already: there is nothing to undo.")
    return DecisionGroup(group_id, written, _resolved(touched_tags, taxonomy))


def _resolved(tag_ids: set[str], taxonomy: Taxonomy) -> set[str]:
    """Resolve merged tags and drop deleted ones."""
    return {found for tag_id in tag_ids if (found := taxonomy.redirects.resolve(tag_id))}
