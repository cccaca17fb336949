"""The append-only event ledger; `fold` alone defines what state a sequence of an asset's events adds up to."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from tagging_core.storage import insert_row
from tagging_core.storage.schema import events
from tagging_core.taxonomy.redirects import NO_REDIRECTS, TagRedirects


class Kind(StrEnum):
    """Event kind, as stored."""

    ACCEPT = "accept"  # the suggested tag applies
    REJECT = "reject"  # the suggested tag does not apply
    ADD = "add"  # a tag applies that was not suggested
    REPLACE = "replace"  # the suggested tag does not apply, another one does
    DONE = "done"  # review finished: undecided tags do not apply
    SKIP = "skip"  # viewed but not decided
    FLAG = "flag"  # set aside for discussion, with a note
    UNDO = "undo"  # reverts one earlier event, which may itself be an undo
    TEXT = "text"  # title, caption or body of an asset changed
    DESCRIBE = "describe"  # a person wrote the published title, caption or alt text
    TAG = "tag"
    CATEGORY = "category"
    PROFILE = "profile"
    PACK = "pack"  # a reference pack was measured
    MODEL = "model"  # a model was tried, activated or dropped
    PROTECT = "protect"  # an asset joined or left the protected set
    DISMISS = "dismiss"  # a proposal or an alert was dismissed or reopened


NEEDS_TAG = frozenset({Kind.ACCEPT, Kind.REJECT, Kind.ADD, Kind.REPLACE})
WRITTEN = frozenset({Kind.TEXT, Kind.DESCRIBE})  # cannot be undone: the text is edited again instead

CLOSING_STATES = {Kind.DONE: "done", Kind.SKIP: "skipped", Kind.FLAG: "flagged"}
STATES = ("new", "second", "skipped", "flagged", "done")


class Look(StrEnum):
    """Why a finished asset gets another, independent review that hides the earlier decisions."""

    SECOND = "second"  # a second opinion is required
    KNOWN = "known"  # quality check: mixed in among new assets to measure how often reviewers agree


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the ledger."""

    kind: Kind
    actor: str
    asset_id: int | None = None  # None for events of the tag library
    tag_id: str | None = None
    other_tag_id: str | None = None  # for `replace`: the tag that applies instead
    target_id: int | None = None  # for `undo`: id of the reverted event
    profile: str | None = None
    seconds: float | None = None  # time the person spent
    payload: dict[str, Any] | None = None
    group_id: str | None = None  # shared by all events of one user action, such as a bulk decision
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)  # idempotency key
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))  # UTC, naive
    id: int = 0  # 0 until the event is written

    @property
    def look(self) -> Look | None:
        """The kind of independent review the event belongs to; None for an ordinary review."""
        look = (self.payload or {}).get("look")
        return Look(look) if look else None


@dataclass(frozen=True, slots=True)
class Label:
    """The current decision on one asset and tag."""

    value: int  # 1 if the tag applies, 0 if not
    event_id: int  # the deciding event
    shown: bool = False  # whether the person saw the tag as a suggestion, rather than adding it unprompted


@dataclass(frozen=True, slots=True)
class AssetState:
    """State of one asset, folded from its events."""

    labels: dict[str, Label]  # by tag id
    reviews: dict[str, int]  # id of the latest `done` event by profile
    review: str  # one of STATES; `second` awaits a second opinion, `flagged` a discussion
    looks: dict[str, dict[str, Label]] = field(default_factory=dict)  # by user, of unfinished independent reviews
    first: str = ""  # user whose review awaits a second opinion, or empty
    compared: bool = False  # whether a second opinion was given; each asset gets at most one


def fold(history: Iterable[Event], redirects: TagRedirects = NO_REDIRECTS) -> AssetState:
    """Compute an asset's state from its events.

    Args:
        history: All events of the asset, by ascending id.
        redirects: Merges and deletions of the tags that the events name.

    Returns:
        The state; without events, one with review state `new` and no labels.
    """
    ordered = list(history)
    undone = undone_ids(ordered)
    labels: dict[str, Label] = {}
    looks: dict[str, dict[str, Label]] = {}
    reviews: dict[str, int] = {}
    review, first, compared = "new", "", False
    for event in ordered:
        if event.id in undone:
            continue
        decided = looks.setdefault(event.actor, {}) if event.look else labels
        for tag_id, value in verdicts(event):
            decided[tag_id] = Label(value, event.id, tag_id == event.tag_id and _was_suggested(event))
        if event.look:
            review, first = _after_look(event, review, first)
            if event.kind == Kind.DONE:
                looks[event.actor] = {}  # already compared; the next independent review starts empty
                compared |= event.look == Look.SECOND
        elif event.kind in CLOSING_STATES:
            review, first = CLOSING_STATES[event.kind], ""
            if event.kind == Kind.DONE:
                reviews[event.profile or ""] = event.id
                if (event.payload or {}).get("second_due"):
                    review, first = "second", event.actor
    unfinished = {actor: kept for actor, each in looks.items() if (kept := _redirect(each, redirects))}
    return AssetState(_redirect(labels, redirects), reviews, review, unfinished, first, compared)


def _redirect(labels: dict[str, Label], redirects: TagRedirects) -> dict[str, Label]:
    """Move the labels of merged tags to their targets and drop those of deleted tags."""
    if labels.keys().isdisjoint(redirects.merged) and labels.keys().isdisjoint(redirects.gone):
        return labels
    found = dict(labels)
    for source, (target, after) in redirects.merged.items():
        own, other = found.pop(source, None), found.get(target)
        if own is None or (other and other.event_id > after):  # the target was decided after the merge
            continue
        # Both tags were decided separately: a positive label of either wins.
        found[target] = own if other is None else max(own, other, key=lambda label: (label.value, label.event_id))
    return {tag_id: label for tag_id, label in found.items() if tag_id not in redirects.gone}


def _after_look(event: Event, review: str, first: str) -> tuple[str, str]:
    """Review state and first reviewer after an event of an independent review; skipping changes neither."""
    if event.kind == Kind.FLAG:
        return "flagged", ""
    if event.kind == Kind.DONE and event.look == Look.SECOND:
        return ("flagged" if (event.payload or {}).get("differs") else "done"), ""
    return review, first


def verdicts(event: Event) -> list[tuple[str, int]]:
    """Return what an event decides.

    Args:
        event: An event of any kind.

    Returns:
        (tag id, 1 or 0) pairs: two for `replace`, one for other decisions on a tag, none for other events.
    """
    tag = event.tag_id or ""
    match event.kind:
        case Kind.ACCEPT | Kind.ADD:
            return [(tag, 1)]
        case Kind.REJECT:
            return [(tag, 0)]
        case Kind.REPLACE:
            return [(tag, 0), (event.other_tag_id or "", 1)]
    return []


def _was_suggested(event: Event) -> bool:
    payload = event.payload or {}
    return event.kind != Kind.ADD and "probability" in payload and "unseen" not in payload


def undone_ids(history: Sequence[Event]) -> set[int]:
    """Return the ids of undone events; an undo that was itself undone has no effect.

    Args:
        history: Events by ascending id.

    Returns:
        Ids of the undone events, undone undos included.
    """
    undone: set[int] = set()
    for event in reversed(history):
        if event.kind == Kind.UNDO and event.id not in undone and event.target_id is not None:
            undone.add(event.target_id)
    return undone


_FIELDS = {column.name: column.key for column in events.columns}


def append(connection: Connection, event: Event) -> int:
    """Append an event; about an asset, use `projection.record`, which also updates its projections.

    Args:
        connection: A write transaction.
        event: The event; its `id` is ignored, and its `uid` must be new.

    Returns:
        The event's id.
    """
    row = {c.key: getattr(event, c.key) for c in events.columns if c.key != "id"}
    return insert_row(connection, events, row)


def append_all(connection: Connection, written: Iterable[Event]) -> None:
    """Append events in the order given.

    Args:
        connection: A write transaction.
        written: The events; their `id` is ignored, and each `uid` must be new.
    """
    names = [c.key for c in events.columns if c.key != "id"]
    if rows := [{name: getattr(event, name) for name in names} for event in written]:
        connection.execute(events.insert(), rows)


def find_uid(connection: Connection, uid: str) -> Event | None:
    """Return the event with an idempotency key.

    Args:
        connection: A read or write transaction.
        uid: The idempotency key.

    Returns:
        The event; None if the key has not been used.
    """
    row = connection.execute(select(events).where(events.c.uid == uid)).first()
    return None if row is None else to_event(row)


def find_event(connection: Connection, event_id: int) -> Event | None:
    """Return an event by id.

    Args:
        connection: A read or write transaction.
        event_id: The event's id.

    Returns:
        The event; None if there is no such event.
    """
    row = connection.execute(select(events).where(events.c.id == event_id)).first()
    return None if row is None else to_event(row)


def history_of(connection: Connection, asset_id: int) -> list[Event]:
    """Return all events of an asset.

    Args:
        connection: A read or write transaction.
        asset_id: The asset.

    Returns:
        Undone events included, oldest first; empty if there are none.
    """
    rows = connection.execute(select(events).where(events.c.asset_id == asset_id).order_by(events.c.id))
    return [to_event(row) for row in rows]


def history_with(connection: Connection, asset_id: int, uid: str) -> tuple[list[Event], Event | None]:
    """Return an asset's events, and any event with an idempotency key, in one query.

    Args:
        connection: A read or write transaction.
        asset_id: The asset.
        uid: The idempotency key, which an event of another asset may have used.

    Returns:
        All events of the asset, oldest first, and the event with the key or None.
    """
    wanted = or_(events.c.asset_id == asset_id, events.c.uid == uid)
    found = [to_event(row) for row in connection.execute(select(events).where(wanted).order_by(events.c.id))]
    history = [event for event in found if event.asset_id == asset_id]
    return history, next((event for event in found if event.uid == uid), None)


def to_event(row: Row[Any]) -> Event:
    """Build an event from its row.

    Args:
        row: A row with all columns of the table `events`.

    Returns:
        The event, its id set.
    """
    found = {_FIELDS[name]: value for name, value in row._mapping.items()}
    return Event(**found | {"kind": Kind(row.kind)})
