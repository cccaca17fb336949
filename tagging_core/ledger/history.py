"""A person's recent actions, and the event history of an asset, each with whether it is still in effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, or_, select, text

from tagging_core.common.users import User
from tagging_core.ledger.events import WRITTEN, Event, Kind, to_event, undone_ids
from tagging_core.storage.schema import LIBRARY_KINDS, events

RECENT_ACTIONS = 50
"""Default number of actions to list."""

_PAGE = 200


@dataclass(frozen=True, slots=True)
class UserAction:
    """One user action: a single decision, or a group of decisions made together.

    Attributes:
        latest: Its latest decision, which represents the group in lists.
        group_id: Id for `decision_groups.undo_group`; None for a single decision.
        pictures: Number of assets it decided.
        in_effect: Whether any of its decisions is still in effect.
        undo_id: Id of the event that undid a single decision; undo that event to redo the decision.
        undo_group_id: Id of the undo of a group; undo that group to redo this one.
        kinds: Number of its decisions by kind.
        tag_ids: Tags that a group decided.
    """

    latest: Event
    group_id: str | None
    pictures: int
    in_effect: bool
    undo_id: int | None = None
    undo_group_id: str | None = None
    kinds: dict[Kind, int] = field(default_factory=dict)
    tag_ids: tuple[str, ...] = ()


def recent_actions(connection: Connection, user: User, limit: int = RECENT_ACTIONS) -> list[UserAction]:
    """Return a person's latest actions, latest first; undos are not listed but reflected in `in_effect`."""
    heads = _heads(connection, user, limit)
    undos = _effective_undos(connection, heads)
    return [_to_action(connection, event, undos) for event in heads]


def last_undoable(connection: Connection, user: User) -> UserAction | None:
    """Return the latest action still in effect, which the undo key reverts; None if no recent one is."""
    return next((action for action in recent_actions(connection, user) if action.in_effect), None)


def of_pictures(connection: Connection, asset_ids: Sequence[int]) -> dict[int, list[tuple[Event, bool]]]:
    """Return assets' events by asset id, latest first, each with whether it is still in effect, from one query."""
    found: dict[int, list[Event]] = {asset_id: [] for asset_id in asset_ids}
    for row in connection.execute(select(events).where(events.c.asset_id.in_(asset_ids)).order_by(events.c.id)):
        found[row.asset_id].append(to_event(row))
    undone = {asset_id: undone_ids(history) for asset_id, history in found.items()}
    return {a: [(event, event.id not in undone[a]) for event in reversed(past)] for a, past in found.items()}


def events_since(connection: Connection, after: int, asset_id: int | None, *, limit: int) -> list[Event]:
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
    of_library = select(events.c.group_id).where(text(LIBRARY_KINDS), events.c.group_id.is_not(None))
    query = query.where(or_(events.c.group_id.is_(None), events.c.group_id.not_in(of_library)))
    page = query
    while rows := connection.execute(page).all():
        seen = {event.group_id for event in found}
        for event in map(to_event, rows):
            if event.group_id is None or event.group_id not in seen:
                seen.add(event.group_id)
                found.append(event)
        if len(found) >= limit:
            break
        known = [act for act in seen if act]
        page = query.where(
            events.c.id < rows[-1].id, or_(events.c.group_id.is_(None), events.c.group_id.not_in(known))
        )
    return found[:limit]


def _effective_undos(connection: Connection, heads: list[Event]) -> dict[int, Event]:
    """Undo events in effect on the assets of these actions, by the id of the undone event."""
    in_groups = select(events.c.asset_id).where(events.c.group_id.in_({e.group_id for e in heads if e.group_id}))
    concerned = events.c.asset_id.in_({e.asset_id for e in heads}) | events.c.asset_id.in_(in_groups)
    query = select(events).where(events.c.kind == Kind.UNDO, concerned).order_by(events.c.id)
    undos = [to_event(row) for row in connection.execute(query).all()]
    undone = undone_ids(undos)
    return {e.target_id: e for e in undos if e.id not in undone and e.target_id is not None}


def _to_action(connection: Connection, event: Event, undos: dict[int, Event]) -> UserAction:
    if event.group_id is None:
        undo = undos.get(event.id)
        return UserAction(event, None, 1, undo is None, undo.id if undo else None)
    rows = connection.execute(
        select(events.c.id, events.c.asset_id, events.c.kind, events.c.tag_id).where(
            events.c.group_id == event.group_id
        )
    ).all()
    applied = [undos[row.id] for row in rows if row.id in undos]
    pictures = len({row.asset_id for row in rows})
    return UserAction(
        event,
        event.group_id,
        pictures,
        len(applied) < len(rows),
        None,
        applied[-1].group_id if applied else None,
        Counter(Kind(row.kind) for row in rows),
        tuple(dict.fromkeys(row.tag_id for row in rows if row.tag_id)),
    )
