"""Version history of the tag library: change sets, differences between versions, and earlier versions.

It is read from the ledger alone; `taxonomy_store` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, cast, func, or_, select, text

from tagging_core.common.users import SYSTEM
from tagging_core.ledger.events import Event, Kind, find_event, to_event
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.storage.schema import LIBRARY_KINDS, events
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy, make_taxonomy

_CLASSES: dict[Kind, type[Any]] = {Kind.TAG: Tag, Kind.CATEGORY: Category, Kind.PROFILE: Profile}
_LIBRARY_EVENTS = text(LIBRARY_KINDS)
_BATCH_SIZE = 500
NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one tag, category or profile.

    Attributes:
        before: None for a new item.
        after: Has the state `deleted` if the item was deleted.
    """

    before: Item | None
    after: Item

    @property
    def kind(self) -> str:
        """`added`, `deleted`, `merged`, `restored` or `changed`."""
        now, was = getattr(self.after, "state", "active"), getattr(self.before, "state", "active")
        if self.before is None or was == "deleted":
            return "deleted" if now == "deleted" else "added"
        if now == was:
            return "changed"
        return now if now in ("deleted", "merged") else "restored" if was == "merged" else "changed"

    def fields(self) -> list[tuple[str, Any, Any]]:
        """Return (field name, old value, new value) of each changed field that people read."""
        before = self.before
        found = [(f.name, getattr(before, f.name, None), getattr(self.after, f.name)) for f in fields(self.after)]
        hidden = ("id", "position", "merged_after")
        return [x for x in found if x[1] != x[2] and x[0] not in hidden and (before or x[2])]


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """One change set of the tag library, covering one item or many.

    Attributes:
        id: Id for undoing it; empty for changes made before change sets were recorded.
        event_id: Its last event.
        at: UTC, naive.
        items: Number of items it changed.
        decided: Number of decisions on assets it made.
        changes: The first few changes, enough for `title`.
        targets: Names of tags that others were merged into, by id.
        undoable: Whether it can be undone: not if it was undone, or a changed item has changed again since.
    """

    id: str
    event_id: int
    actor: str
    at: datetime
    items: int
    decided: int
    changes: list[Change]
    targets: dict[str, str]
    undoable: bool

    @property
    def title(self) -> str:
        """Short summary for lists."""
        return describe(self.changes, self.items, self.targets)


def describe(changes: Sequence[Change], total: int = 0, targets: Mapping[str, str] = NO_NAMES) -> str:
    """Summarize changes in a few words.

    Args:
        total: Number of changes, if `changes` holds only the first ones.
        targets: Names of tags that others were merged into, by id, as far as they are not among the changes.
    """
    if not changes:
        return "Nothing"
    for change in changes:
        if change.kind == "merged" and isinstance(change.after, Tag):
            into = change.after.merged_into or ""
            target = next((c.after.name() for c in changes if c.after.id == into), targets.get(into, into))
            return f"Merged {change.after.name()} into {target}"
    if (total or len(changes)) > 3:
        return f"Changed {total or len(changes):,} items"
    return "; ".join(_describe_one(change) for change in changes)


def _describe_one(change: Change) -> str:
    what = {Category: "the category ", Profile: "the profile "}.get(type(change.after), "")
    name = f"{what}{change.after.name()}"
    if change.kind == "restored":
        return f"Brought {name} back"
    if change.kind != "changed":
        return f"{change.kind.capitalize()} {name}"
    if change.before is not None and change.before.name() != change.after.name():
        return f"Renamed {what}{change.before.name()} to {change.after.name()}"
    state = getattr(change.after, "state", "active")
    if change.before is not None and getattr(change.before, "state", "active") != state:
        return f"Took {name} {'into' if state == 'active' else 'out of'} use"
    changed = [label(field) for field, _, _ in change.fields()]
    return f"Changed {name}: {', '.join(changed)}" if changed else f"Moved {name} in the order"


def label(field: str) -> str:
    """Return the display name of a field."""
    known = {
        "parent_id": "parent",
        "category_id": "category",
        "merged_into": "merged into",
        "top_k": "most suggested",
        "followed": "instruction sent to the model",
        "own_prompts": "prompts for one model",
        "uri": "thesaurus URI",
    }
    return known.get(field, field)


def recent(
    connection: Connection, limit: int = 50, before: int | None = None, *, tag_id: str = ""
) -> list[ChangeSet]:
    """Return the latest change sets, latest first, without the creation of the starter library.

    Args:
        before: Only change sets whose last event precedes this event id; for paging.
        tag_id: Only those that changed this tag.
    """
    key = func.coalesce(events.c.group_id, cast(events.c.id, String))
    query = select(key, func.max(events.c.id), func.count()).where(_LIBRARY_EVENTS).group_by(key)
    query = query.where(or_(events.c.group_id.is_not(None), events.c.actor != SYSTEM.name))
    query = query.where(events.c.id < before) if before else query
    query = query.where(events.c.tag_id == tag_id) if tag_id else query
    heads = connection.execute(query.order_by(func.max(events.c.id).desc()).limit(limit)).all()
    return [_change_set(connection, key, event_id, items=items) for key, event_id, items in heads]


def _change_set(connection: Connection, change_id: str, event_id: int, *, items: int) -> ChangeSet:
    head = find_event(connection, event_id)
    assert head is not None
    changes = act_changes(connection, head.group_id, most=4) if head.group_id else _changes(connection, [head])
    decided = 0
    if head.group_id:
        count = select(func.count()).select_from(events).where(events.c.group_id == change_id)
        items = int(connection.execute(count.where(_LIBRARY_EVENTS)).scalar_one())
        decided = int(connection.execute(count.where(events.c.asset_id.is_not(None))).scalar_one())
    latest = {event.group_id for event in latest_events(connection, changes)}
    undoable = bool(head.group_id) and latest <= {head.group_id}
    into = {change.after.merged_into for change in changes if isinstance(change.after, Tag)} - {None}
    tags = _as_of(connection, event_id, [tag_id for tag_id in into if tag_id], others=False) if into else {}
    targets = {item.id: item.name() for item in tags.values()}
    return ChangeSet(head.group_id or "", event_id, head.actor, head.at, items, decided, changes, targets, undoable)


def act_changes(connection: Connection, act: str, most: int | None = None) -> list[Change]:
    """Return the item changes of a change set, in the order written.

    Args:
        act: Id of the change set.
        most: Maximum number of changes, None for all; merged tags are among the first.
    """
    query = select(events).where(events.c.group_id == act, _LIBRARY_EVENTS).order_by(events.c.id)
    rows = connection.execute(query.limit(most) if most else query)
    return _changes(connection, [to_event(row) for row in rows])


def _changes(connection: Connection, found: list[Event]) -> list[Change]:
    before = _states_before(connection, found)
    return [Change(before.get(_key(event)), _item(event)) for event in found]


def latest_events(connection: Connection, changes: Sequence[Change]) -> list[Event]:
    """Return each changed item's latest event, in the order of `changes`."""
    tag_ids = [change.after.id for change in changes if isinstance(change.after, Tag)]
    latest: dict[tuple[Kind, str], Event] = {}
    for start in range(0, len(tag_ids), _BATCH_SIZE):
        part = tag_ids[start : start + _BATCH_SIZE]
        last = select(func.max(events.c.id)).where(events.c.kind == Kind.TAG, events.c.tag_id.in_(part))
        rows = connection.execute(select(events).where(events.c.id.in_(last.group_by(events.c.tag_id))))
        latest |= {_key(event): event for event in map(to_event, rows)}
    for event in _category_and_profile_events(connection):
        latest[_key(event)] = event
    return [latest[_KIND[type(change.after)], change.after.id] for change in changes]


_KIND = {cls: kind for kind, cls in _CLASSES.items()}


def _category_and_profile_events(connection: Connection, until: int | None = None) -> list[Event]:
    """Events of categories and profiles, oldest first; there are few."""
    kinds = events.c.kind.in_([Kind.CATEGORY, Kind.PROFILE])
    query = select(events).where(_LIBRARY_EVENTS, kinds).order_by(events.c.id)
    rows = connection.execute(query.where(events.c.id <= until) if until is not None else query)
    return [to_event(row) for row in rows]


def _states_before(connection: Connection, found: Sequence[Event]) -> dict[tuple[Kind, str], Item]:
    """The items of these events as they were before the first of them."""
    if not found:
        return {}
    first = min(event.id for event in found)
    return _as_of(
        connection,
        first - 1,
        [event.tag_id for event in found if event.tag_id],
        others=any(event.kind != Kind.TAG for event in found),
    )


def _as_of(
    connection: Connection, until: int, tag_ids: Iterable[str] | None, *, others: bool = True
) -> dict[tuple[Kind, str], Item]:
    """Items as of an event: some tags or all (None), and, with `others`, all categories and profiles."""
    last = select(func.max(events.c.id)).where(events.c.kind == Kind.TAG, events.c.id <= until, _LIBRARY_EVENTS)
    last = last.group_by(events.c.tag_id)
    found: dict[tuple[Kind, str], Item] = {}
    ids = None if tag_ids is None else sorted(set(tag_ids))
    for start in range(0, 1 if ids is None else len(ids), _BATCH_SIZE):
        latest = last if ids is None else last.where(events.c.tag_id.in_(ids[start : start + _BATCH_SIZE]))
        for row in connection.execute(select(events).where(events.c.id.in_(latest))):
            event = to_event(row)
            found[_key(event)] = _item(event)
    if others:
        found |= {_key(event): _item(event) for event in _category_and_profile_events(connection, until)}
    return found


def taxonomy_at(connection: Connection, event_id: int) -> Taxonomy:
    """Reconstruct the taxonomy as of an event; its revision is 0."""
    found = _as_of(connection, event_id, None)
    parts: dict[Kind, dict[str, Any]] = {kind: {} for kind in _CLASSES}
    for (kind, item_id), item in sorted(found.items(), key=lambda x: (x[1].position, x[0][1])):
        parts[kind][item_id] = item
    return make_taxonomy(0, parts[Kind.CATEGORY], parts[Kind.TAG], profiles=parts[Kind.PROFILE])


def event_at(connection: Connection, moment: datetime) -> int:
    """Return the id of the last library event at or before a time (UTC, naive); 0 if there is none."""
    query = select(func.max(events.c.id)).where(_LIBRARY_EVENTS, events.c.at <= moment)
    return int(connection.execute(query).scalar() or 0)


def first_change_at(connection: Connection) -> datetime:
    """Return when the starter library was written (UTC, naive), the earliest version one can go back to."""
    starter = _LIBRARY_EVENTS, events.c.group_id.is_(None), events.c.actor == SYSTEM.name
    moment: datetime = connection.execute(select(func.max(events.c.at)).where(*starter)).scalar_one()
    return moment


def since(connection: Connection, event_id: int) -> list[Change]:
    """Return the net changes since an event; only items changed since then are read."""
    later = [to_event(r) for r in connection.execute(select(events).where(_LIBRARY_EVENTS, events.c.id > event_id))]
    now = {_key(event): _item(event) for event in sorted(later, key=lambda event: event.id)}
    tag_ids = [key[1] for key in now if key[0] == Kind.TAG]
    then = _as_of(connection, event_id, tag_ids, others=any(key[0] != Kind.TAG for key in now))
    changes = [Change(then.get(key), item) for key, item in now.items()]
    return [c for c in changes if c.before != c.after and not (c.before is None and _deleted(c.after))]


def _deleted(item: Item) -> bool:
    return getattr(item, "state", "active") == "deleted"


def _key(event: Event) -> tuple[Kind, str]:
    return event.kind, str((event.payload or {})["id"])


def _item(event: Event) -> Item:
    item: Item = _CLASSES[event.kind](**(event.payload or {}))
    return item
