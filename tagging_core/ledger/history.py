"""What a person did, act by act, and what happened to a picture; each act says whether it still stands."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select, text

from tagging_core.common.users import User
from tagging_core.ledger.events import WRITTEN, Event, Kind, history_of, to_event, undone_ids
from tagging_core.storage.schema import LIBRARY_KINDS, events

ACTS = 50
"""Acts that are listed."""

_PAGE = 200


@dataclass(frozen=True, slots=True)
class PastAct:
    """One gesture of a person.

    Attributes:
        latest: Its latest decision, which stands for all where there are several.
        act: Its id, for `acts.undo_act`; None if it is one decision that was not made as part of an act.
        pictures: How many pictures it decided about.
        stands: Whether any of it was not taken back.
        undo_id: The id of the undo event that took a single decision back, which undoing brings it back.
        undo_act: The same for an act of several.
    """

    latest: Event
    act: str | None
    pictures: int
    stands: bool
    undo_id: int | None = None
    undo_act: str | None = None


def recent_acts(connection: Connection, user: User, limit: int = ACTS) -> list[PastAct]:
    """A person's latest acts, latest first; undos are no acts of their own but show in `stands`."""
    heads = _heads(connection, user, limit)
    undone = _undone(connection, heads)
    return [_past(connection, event, undone) for event in heads]


def last_standing(connection: Connection, user: User) -> PastAct | None:
    """The latest act that an undo key takes back; None if none of the last ones stands."""
    return next((act for act in recent_acts(connection, user) if act.stands), None)


def of_picture(connection: Connection, asset_id: int) -> list[tuple[Event, bool]]:
    """All that happened to a picture, latest first, with whether it stands."""
    history = history_of(connection, asset_id)
    gone = undone_ids(history)
    return [(event, event.id not in gone) for event in reversed(history)]


def events_since(connection: Connection, after: int, asset_id: int | None, limit: int) -> list[Event]:
    """Return events about assets in the ledger's order, after an event id, perhaps of one asset only."""
    query = select(events).where(events.c.asset_id.is_not(None), events.c.id > after)
    if asset_id is not None:
        query = query.where(events.c.asset_id == asset_id)
    return [to_event(row) for row in connection.execute(query.order_by(events.c.id).limit(limit))]


def _heads(connection: Connection, user: User, limit: int) -> list[Event]:
    """The latest event of each act; the database steps over the others of an act of thousands."""
    found: list[Event] = []
    query = select(events).where(events.c.actor == user.name, events.c.asset_id.is_not(None))
    query = query.where(events.c.kind.not_in({Kind.UNDO, *WRITTEN})).order_by(events.c.id.desc()).limit(_PAGE)
    # What a change of the tag library decided is taken back with that change, in the library's history.
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


def _undone(connection: Connection, heads: list[Event]) -> dict[int, Event]:
    """The undo event that holds for each of some events and all of their acts, by the id taken back."""
    pictures = select(events.c.asset_id).where(events.c.act.in_({e.act for e in heads if e.act}))
    mine = events.c.asset_id.in_({e.asset_id for e in heads}) | events.c.asset_id.in_(pictures)
    rows = connection.execute(select(events).where(events.c.kind == Kind.UNDO, mine).order_by(events.c.id)).all()
    undos = [to_event(row) for row in rows]
    gone = undone_ids(undos)
    return {e.target_id: e for e in undos if e.id not in gone and e.target_id is not None}


def _past(connection: Connection, event: Event, undone: dict[int, Event]) -> PastAct:
    if event.act is None:
        undo = undone.get(event.id)
        return PastAct(event, None, 1, undo is None, undo.id if undo else None)
    rows = connection.execute(select(events.c.id, events.c.asset_id).where(events.c.act == event.act)).all()
    taken = [undone[row.id] for row in rows if row.id in undone]
    pictures = len({row.asset_id for row in rows})
    return PastAct(event, event.act, pictures, len(taken) < len(rows), None, taken[-1].act if taken else None)
