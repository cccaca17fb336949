"""The append-only ledger: what people decided, in order, and what follows from it for one asset.

`fold` is the only place that says what a sequence of decisions means; everything stored about an asset's tags is
its result, so replaying the ledger gives the same tables.
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
    """What an event says."""

    ACCEPT = "accept"  # the suggested tag applies
    REJECT = "reject"  # it does not
    ADD = "add"  # a tag applies that was not suggested
    REPLACE = "replace"  # the suggested tag does not apply, another does
    DONE = "done"  # the review is finished: what was left out does not apply
    SKIP = "skip"  # looked at, not decided
    FLAG = "flag"  # set aside for discussion, with a note
    UNDO = "undo"  # takes one earlier event back, itself an undo perhaps
    TEXT = "text"  # title, caption or body of an asset changed
    DESCRIBE = "describe"  # a person wrote the title, caption or alt text that others read
    TAG = "tag"
    CATEGORY = "category"
    PROFILE = "profile"
    PACK = "pack"  # a reference pack was measured
    MODEL = "model"  # another model was tried, put to work or dropped
    PROTECT = "protect"  # an asset is a reference picture of the protected set, or no longer
    DISMISS = "dismiss"  # a proposal or an alert is not wanted, or wanted again


NEEDS_TAG = frozenset({Kind.ACCEPT, Kind.REJECT, Kind.ADD, Kind.REPLACE})
WRITTEN = frozenset({Kind.TEXT, Kind.DESCRIBE})
"""What is not taken back but written anew."""

CLOSING_STATES = {Kind.DONE: "done", Kind.SKIP: "skipped", Kind.FLAG: "flagged"}
STATES = ("new", "second", "skipped", "flagged", "done")


class Look(StrEnum):
    """Why a finished picture is looked at once more, by somebody who does not see what was decided."""

    SECOND = "second"  # a second opinion is required
    KNOWN = "known"  # mixed in among new ones, to see how often people are right


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the ledger; times are UTC without zone."""

    kind: Kind
    actor: str
    asset_id: int | None = None
    tag_id: str | None = None
    other_tag_id: str | None = None
    target_id: int | None = None
    profile: str | None = None
    seconds: float | None = None
    payload: dict[str, Any] | None = None
    act: str | None = None
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    id: int = 0

    @property
    def look(self) -> Look | None:
        """Set if it belongs to a look that is independent of what was decided."""
        look = (self.payload or {}).get("look")
        return Look(look) if look else None


@dataclass(frozen=True, slots=True)
class Label:
    """Whether a tag applies to an asset (1) or not (0), and the event that says so.

    Attributes:
        shown: Whether the person judged a suggestion, and did not come up with the tag.
    """

    value: int
    event_id: int
    shown: bool = False


@dataclass(frozen=True, slots=True)
class AssetState:
    """What all events of one asset amount to.

    Attributes:
        labels: By tag id.
        reviews: The latest `done` event by profile.
        review: One of STATES; `second` is finished and waits for a second opinion, `flagged` for a discussion.
        looks: What was said by whom in an unfinished look, which never changes the labels.
        first: Whose review waits for a second opinion; empty if none does.
        compared: Whether a second opinion was given; a picture takes one only.
    """

    labels: dict[str, Label]
    reviews: dict[str, int]
    review: str
    looks: dict[str, dict[str, Label]] = field(default_factory=dict)
    first: str = ""
    compared: bool = False


def fold(history: Iterable[Event], redirects: TagRedirects = NO_REDIRECTS) -> AssetState:
    """What one asset's events amount to.

    Args:
        history: The asset's events by ascending id.
        redirects: What became of tags that the events name.
    """
    ordered = list(history)
    gone = undone_ids(ordered)
    labels: dict[str, Label] = {}
    looks: dict[str, dict[str, Label]] = {}
    reviews: dict[str, int] = {}
    review, first, compared = "new", "", False
    for event in ordered:
        if event.id in gone:
            continue
        said = looks.setdefault(event.actor, {}) if event.look else labels
        for tag_id, value in verdicts(event):
            said[tag_id] = Label(value, event.id, tag_id == event.tag_id and _was_suggested(event))
        if event.look:
            review, first = _after_look(event, review, first)
            if event.kind == Kind.DONE:
                looks[event.actor] = {}  # compared by now; another look starts anew
                compared |= event.look == Look.SECOND
        elif event.kind in CLOSING_STATES:
            review, first = CLOSING_STATES[event.kind], ""
            if event.kind == Kind.DONE:
                reviews[event.profile or ""] = event.id
                if (event.payload or {}).get("second_due"):
                    review, first = "second", event.actor
    unfinished = {actor: said for actor, each in looks.items() if (said := _follow(each, redirects))}
    return AssetState(_follow(labels, redirects), reviews, review, unfinished, first, compared)


def _follow(said: dict[str, Label], redirects: TagRedirects) -> dict[str, Label]:
    """Labels under the tags that their own became.

    What was said of the target after the merge holds. Of what was said before, that one of the two applies holds:
    it was never asked of them together.
    """
    if said.keys().isdisjoint(redirects.merged) and said.keys().isdisjoint(redirects.gone):
        return said
    found = dict(said)
    for source, (target, after) in redirects.merged.items():
        mine, other = found.pop(source, None), found.get(target)
        if mine is None or (other and other.event_id > after):
            continue
        found[target] = mine if other is None else max(mine, other, key=lambda label: (label.value, label.event_id))
    return {tag_id: label for tag_id, label in found.items() if tag_id not in redirects.gone}


def _after_look(event: Event, review: str, first: str) -> tuple[str, str]:
    """What an event of an independent look makes of a picture's state; to skip one changes nothing."""
    if event.kind == Kind.FLAG:
        return "flagged", ""
    if event.kind == Kind.DONE and event.look == Look.SECOND:
        return ("flagged" if (event.payload or {}).get("differs") else "done"), ""
    return review, first


def verdicts(event: Event) -> list[tuple[str, int]]:
    """The (tag, applies) pairs an event states; a replacement states two."""
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
    """Ids of the events that an undo cancels; an undo that was undone cancels nothing."""
    gone: set[int] = set()
    for event in reversed(history):
        if event.kind == Kind.UNDO and event.id not in gone and event.target_id is not None:
            gone.add(event.target_id)
    return gone


def append(connection: Connection, event: Event) -> int:
    """Write an event at the end of the ledger and return its id."""
    row = {c.name: getattr(event, c.name) for c in events.columns if c.name != "id"}
    return insert_row(connection, events, row)


def append_all(connection: Connection, written: Iterable[Event]) -> None:
    """Write events at the end of the ledger, in their order."""
    names = [c.name for c in events.columns if c.name != "id"]
    if rows := [{name: getattr(event, name) for name in names} for event in written]:
        connection.execute(events.insert(), rows)


def find_uid(connection: Connection, uid: str) -> Event | None:
    """The event a caller wrote under this uid, if any."""
    row = connection.execute(select(events).where(events.c.uid == uid)).first()
    return None if row is None else to_event(row)


def find_event(connection: Connection, event_id: int) -> Event | None:
    """An event by id."""
    row = connection.execute(select(events).where(events.c.id == event_id)).first()
    return None if row is None else to_event(row)


def history_of(connection: Connection, asset_id: int) -> list[Event]:
    """All events of an asset, oldest first."""
    rows = connection.execute(select(events).where(events.c.asset_id == asset_id).order_by(events.c.id))
    return [to_event(row) for row in rows]


def history_with(connection: Connection, asset_id: int, uid: str) -> tuple[list[Event], Event | None]:
    """All events of an asset, oldest first, and the one that a caller wrote under this uid, if any."""
    wanted = or_(events.c.asset_id == asset_id, events.c.uid == uid)
    found = [to_event(row) for row in connection.execute(select(events).where(wanted).order_by(events.c.id))]
    history = [event for event in found if event.asset_id == asset_id]
    return history, next((event for event in found if event.uid == uid), None)


def to_event(row: Row) -> Event:
    """An event from its row."""
    return Event(**{**row._mapping, "kind": Kind(row.kind)})
