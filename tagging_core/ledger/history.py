"""A person's recent actions, and the event history of an asset, each with whether it is still in effect."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select, text

from tagging_core.common.users import User
from tagging_core.ledger.events import WRITTEN, Event, Kind, history_of, to_event, undone_ids
from tagging_core.storage.schema import LIBRARY_KINDS, events

ACTS = 50
"""Default number of actions to list."""

_PAGE = 200


@dataclass(frozen=True, slots=True)
class PastAct:
    """One user action: a single decision, or a group of decisions made together.

    Attributes:
        latest: Its latest decision, which represents the group in lists.
        act: Group id for `decision_groups.undo_act`; None for a single decision.
        pictures: Number of assets it decided.
        stands: Whether any of its decisions is still in effect.
        undo_id: Id of the event that undid a single decision; undo that event to redo the decision.
        undo_act: Group id of the undo of a group; undo that group to redo this one.
    """

    latest: Event
    act: str | None
    pictures: int
    stands: bool
    undo_id: int | None = None
    undo_act: str | None = None


def recent_acts(connection: Connection, user: User, limit: int = ACTS) -> list[PastAct]:
    """Return a person's latest actions, latest first; undos are not listed but reflected in `stands`."""
    heads = _heads(connection, user, limit)
    undos = _effective_undos(connection, heads)
    return [_past_act(connection, event, undos) for event in heads]


def last_standing(connection: Connection, user: User) -> PastAct | None:
    """Return the latest action still in effect, which the undo key reverts; None if no recent one is."""
    return next((act for act in recent_acts(connection, user) if act.stands), None)


def of_picture(connection: Connection, asset_id: int) -> list[tuple[Event, bool]]:
    """Return an asset's events, latest first, each with whether it is still in effect."""
    history = history_of(connection, asset_id)
    undone = undone_ids(history)
    return [(event, event.id not in undone) for event in reversed(history)]


def events_since(connection: Connection, after: int, asset_id: int | None, limit: int) -> list[Event]:
    """Return events about assets in the ledger's order, after an event id, perhaps of one asset only."""
    query = select(events).where(events.c.asset_id.is_not(None), events.c.id > after)
    if asset_id is not None:
        query = query.where(events.c.asset_id == asset_id)
    return [to_event(row) for row in connection.execute(query.order_by(events.c.id).limit(limit))]


def _heads(connection: Connection, user: User, limit: int) -> list[Event]:
    """The latest event of each action; each page excludes known groups, so a group of thousands takes one page."""
    found: list[Event] = []
    query = select(events).where(events.c.actor == user.name, events.c.asset_id.is_not(None))
    query = query.where(events.c.kind.not_in({Kind.UNDO, *WRITTEN})).order_by(events.c.id.desc()).limit(_PAGE)
    # Decisions made by a tag library change are undone together with it, in the library's history.
    of_library = select(events.c.act).where(text(LIBRARY_KINDS), events.c.act.is_not(None))
    query = query.where(or_(events.c.act.is_(None), events.c.act.not_in(of_library)))
    page = query
    while rows := connection.execute(page).all():
        seen = {event.act for event in found}
        for event in map(to_event, rows):
            if event.act is None or event.act not in seen:
                seen.add(event.act)
                found.append(event)
        if len(found) >= limit:
            break
        known = [act for act in seen if act]
        page = query.where(events.c.id < rows[-1].id, or_(events.c.act.is_(None), events.c.act.not_in(known)))
    return found[:limit]


def _effective_undos(connection: Connection, heads: list[Event]) -> dict[int, Event]:
    """Undo events in effect on the assets of these actions, by the id of the undone event."""
    in_groups = select(events.c.asset_id).where(events.c.act.in_({e.act for e in heads if e.act}))
    concerned = events.c.asset_id.in_({e.asset_id for e in heads}) | events.c.asset_id.in_(in_groups)
    query = select(events).where(events.c.kind == Kind.UNDO, concerned).order_by(events.c.id)
    undos = [to_event(row) for row in connection.execute(query).all()]
    undone = undone_ids(undos)
    return {e.target_id: e for e in undos if e.id not in undone and e.target_id is not None}


def _past_act(connection: Connection, event: Event, undos: dict[int, Event]) -> PastAct:
    if event.act is None:
        undo = undos.get(event.id)
        return PastAct(event, None, 1, undo is None, undo.id if undo else None)
    rows = connection.execute(select(events.c.id, events.c.asset_id).where(events.c.act == event.act)).all()
    applied = [undos[row.id] for row in rows if row.id in undos]
    pictures = len({row.asset_id for row in rows})
    return PastAct(event, event.act, pictures, len(applied) < len(rows), None, applied[-1].act if applied else None)
