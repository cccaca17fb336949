"""The append-only event ledger, and the fold from an asset's events to its state.

`fold` alone defines what a sequence of events means. Everything stored about an asset's tags is its result, so
replaying the ledger reproduces the same tables.
"""

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
WRITTEN = frozenset({Kind.TEXT, Kind.DESCRIBE})
"""Kinds that cannot be undone: the text is edited again instead."""

CLOSING_STATES = {Kind.DONE: "done", Kind.SKIP: "skipped", Kind.FLAG: "flagged"}
STATES = ("new", "second", "skipped", "flagged", "done")


class Look(StrEnum):
    """Why a finished asset gets another, independent review that hides the earlier decisions."""

    SECOND = "second"  # a second opinion is required
    KNOWN = "known"  # quality check: mixed in among new assets to measure how often reviewers agree


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the ledger.

    Attributes:
        asset_id: None for events of the tag library.
        other_tag_id: The tag that applies instead, for `replace`.
        target_id: Id of the reverted event, for `undo`.
        seconds: Time the person spent.
        group_id: Shared by all events of one user action, such as a bulk decision.
        uid: Idempotency key.
        at: UTC, naive.
        id: 0 until the event is written.
    """

    kind: Kind
    actor: str
    asset_id: int | None = None
    tag_id: str | None = None
    other_tag_id: str | None = None
    target_id: int | None = None
    profile: str | None = None
    seconds: float | None = None
    payload: dict[str, Any] | None = None
    group_id: str | None = None
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    id: int = 0

    @property
    def look(self) -> Look | None:
        """The kind of independent review the event belongs to; None for an ordinary review."""
        look = (self.payload or {}).get("look")
        return Look(look) if look else None


@dataclass(frozen=True, slots=True)
class Label:
    """The current decision on one asset and tag.

    Attributes:
        value: 1 if the tag applies, 0 if not.
        event_id: The deciding event.
        shown: Whether the person saw the tag as a suggestion, rather than adding it unprompted.
    """

    value: int
    event_id: int
    shown: bool = False


@dataclass(frozen=True, slots=True)
class AssetState:
    """State of one asset, folded from its events.

    Attributes:
        labels: By tag id.
        reviews: Id of the latest `done` event by profile.
        review: One of STATES; `second` awaits a second opinion, `flagged` a discussion.
        looks: Labels of unfinished independent reviews, by user and tag id; they never change `labels`.
        first: User whose review awaits a second opinion, or empty.
        compared: Whether a second opinion was given; each asset gets at most one.
    """

    labels: dict[str, Label]
    reviews: dict[str, int]
    review: str
    looks: dict[str, dict[str, Label]] = field(default_factory=dict)
    first: str = ""
    compared: bool = False


def fold(history: Iterable[Event], redirects: TagRedirects = NO_REDIRECTS) -> AssetState:
    """Compute an asset's state from its events.

    Args:
        history: All events of the asset, by ascending id.
        redirects: Merges and deletions of the tags that the events name.
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
    """Move the labels of merged tags to their targets and drop those of deleted tags.

    A decision on the target made after the merge wins. Before it, both tags were decided separately, so a positive
    label of either wins over a negative one.
    """
    if labels.keys().isdisjoint(redirects.merged) and labels.keys().isdisjoint(redirects.gone):
        return labels
    found = dict(labels)
    for source, (target, after) in redirects.merged.items():
        own, other = found.pop(source, None), found.get(target)
        if own is None or (other and other.event_id > after):
            continue
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
    """Return the (tag id, value) pairs an event decides: two for `replace`, one for other decisions, else none."""
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
    """
    undone: set[int] = set()
    for event in reversed(history):
        if event.kind == Kind.UNDO and event.id not in undone and event.target_id is not None:
            undone.add(event.target_id)
    return undone


_FIELDS = {column.name: column.key for column in events.columns}


def append(connection: Connection, event: Event) -> int:
    """Append an event and return its id."""
    row = {c.key: getattr(event, c.key) for c in events.columns if c.key != "id"}
    return insert_row(connection, events, row)


def append_all(connection: Connection, written: Iterable[Event]) -> None:
    """Append events in the order given."""
    names = [c.key for c in events.columns if c.key != "id"]
    if rows := [{name: getattr(event, name) for name in names} for event in written]:
        connection.execute(events.insert(), rows)


def find_uid(connection: Connection, uid: str) -> Event | None:
    """Return the event with this idempotency key, if any."""
    row = connection.execute(select(events).where(events.c.uid == uid)).first()
    return None if row is None else to_event(row)


def find_event(connection: Connection, event_id: int) -> Event | None:
    """Return an event by id, if it exists."""
    row = connection.execute(select(events).where(events.c.id == event_id)).first()
    return None if row is None else to_event(row)


def history_of(connection: Connection, asset_id: int) -> list[Event]:
    """Return all events of an asset, oldest first."""
    rows = connection.execute(select(events).where(events.c.asset_id == asset_id).order_by(events.c.id))
    return [to_event(row) for row in rows]


def history_with(connection: Connection, asset_id: int, uid: str) -> tuple[list[Event], Event | None]:
    """Return an asset's events, oldest first, and any event with this idempotency key, in one query."""
    wanted = or_(events.c.asset_id == asset_id, events.c.uid == uid)
    found = [to_event(row) for row in connection.execute(select(events).where(wanted).order_by(events.c.id))]
    history = [event for event in found if event.asset_id == asset_id]
    return history, next((event for event in found if event.uid == uid), None)


def to_event(row: Row[Any]) -> Event:
    """Build an event from its row."""
    found = {_FIELDS[name]: value for name, value in row._mapping.items()}
    return Event(**found | {"kind": Kind(row.kind)})
