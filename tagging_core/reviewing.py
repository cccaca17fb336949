"""Reviewing: which picture comes next, and what a person decides about it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, func, select

from tagging_core import assets as asset_module
from tagging_core import ledger, projection, suggesting
from tagging_core.assets import Accompanying, Asset
from tagging_core.errors import DecisionError
from tagging_core.ledger import NEEDS_TAG, Event, Kind, Label
from tagging_core.people import Action, User, require
from tagging_core.store.tables import assets, counters, events, items, labels
from tagging_core.suggesting import Suggestion
from tagging_core.taxonomy import Taxonomy

_RECENT = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says about one asset.

    Attributes:
        kind: accept, reject, add, replace, done or skip.
        other_tag_id: The tag that comes instead, for a replacement.
        profile: Under which the picture was looked at.
        seconds: How long the person looked, if known.
        uid: Chosen by the caller; sending a decision twice writes it once.
    """

    kind: Kind
    asset_id: int
    tag_id: str | None = None
    other_tag_id: str | None = None
    profile: str = "general"
    seconds: float | None = None
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many pictures of a queue wait, and how many are finished or set aside."""

    waiting: int
    done: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Card:
    """All that a review shows of one asset: itself, what was decided, and what is suggested."""

    asset: Asset
    decided: dict[str, Label]
    suggestions: list[Suggestion]


def decide(
    connection: Connection, user: User, decision: Decision, taxonomy: Taxonomy, act: str | None = None
) -> int:
    """Write a decision and what follows from it.

    Args:
        act: The act it is part of, if one gesture makes several.

    Returns:
        The ledger event's id; of the earlier one if the decision was sent before or changes nothing.

    Raises:
        NotAllowedError: The user may not review.
        NotFoundError: The asset, tag or profile does not exist.
        DecisionError: The decision makes no sense, such as a replacement by the same tag.
    """
    require(user, Action.REVIEW)
    if earlier := ledger.find_uid(connection, decision.uid):
        return earlier.id
    asset_module.get(connection, decision.asset_id)
    taxonomy.profile(decision.profile)
    event = replace(_to_event(connection, user, decision, taxonomy), act=act)
    standing = ledger.fold(ledger.history_of(connection, decision.asset_id))
    if event.kind in NEEDS_TAG:
        held = [standing.labels.get(tag) for tag, _ in ledger.verdicts(event)]
        wanted = [value for _, value in ledger.verdicts(event)]
        if all(label and label.value == value for label, value in zip(held, wanted, strict=True)):
            return held[-1].event_id if held[-1] else 0
    return projection.record(connection, event, taxonomy)


def undo(
    connection: Connection, user: User, event_id: int, taxonomy: Taxonomy, uid: str = "", act: str | None = None
) -> int:
    """Take a decision back: as if it had never been made, also for what was learned from it.

    Returns:
        The id of the undo event, which can itself be undone.

    Raises:
        DecisionError: There is no such decision, or it was taken back already.
    """
    require(user, Action.REVIEW)
    if uid and (earlier := ledger.find_uid(connection, uid)):
        return earlier.id
    target = ledger.find_event(connection, event_id)
    if target is None or target.asset_id is None:
        raise DecisionError(f"There is no decision {event_id} to take back.")
    if target.kind == Kind.TEXT:
        before = (target.payload or {}).get("before", {})
        raise DecisionError(f"A text is not taken back but edited; before event {event_id} it read {before}.")
    if event_id in ledger.taken_back(ledger.history_of(connection, target.asset_id)):
        raise DecisionError(f"Decision {event_id} was taken back already.")
    event = Event(
        Kind.UNDO,
        user.name,
        asset_id=target.asset_id,
        tag_id=target.tag_id,
        target_id=event_id,
        uid=uid or uuid.uuid4().hex,
        act=act,
    )
    return projection.record(connection, event, taxonomy)


def set_text(
    connection: Connection, user: User, asset_id: int, text: Accompanying, taxonomy: Taxonomy
) -> Accompanying:
    """Replace the text that belongs to an asset and return it as it is kept; the ledger has both."""
    require(user, Action.REVIEW)
    before = asset_module.get(connection, asset_id).text
    kept = asset_module.set_text(connection, asset_id, text)
    payload = {"before": before.as_dict(), "after": kept.as_dict()}
    event = Event(Kind.TEXT, user.name, asset_id=asset_id, payload=payload)
    projection.record(connection, event, taxonomy)
    return kept


def labels_of(connection: Connection, asset_id: int) -> dict[str, Label]:
    """The decided tags of an asset, in the order they were decided."""
    query = select(labels).where(labels.c.asset_id == asset_id)
    rows = connection.execute(query.order_by(labels.c.event_id))
    return {row.tag_id: Label(row.value, row.event_id, row.shown) for row in rows}


def target_of(connection: Connection, undo_id: int) -> Event:
    """The decision an undo event is about: the one it took back, or, for an undone undo, brought back."""
    event = ledger.find_event(connection, undo_id)
    while event and event.kind == Kind.UNDO and event.target_id is not None:
        event = ledger.find_event(connection, event.target_id)
    if event is None:
        raise DecisionError(f"There is no decision {undo_id}.")
    return event


def last_act(connection: Connection, user: User) -> Event | None:
    """The user's latest decision that still stands, which is what an undo key takes back."""
    query = select(events).where(events.c.actor == user.name, events.c.asset_id.is_not(None))
    rows = connection.execute(query.order_by(events.c.id.desc()).limit(_RECENT)).all()
    history = [ledger.to_event(row) for row in reversed(rows)]
    gone = ledger.taken_back(history)
    standing = [e for e in history if e.kind not in (Kind.UNDO, Kind.TEXT) and e.id not in gone]
    return standing[-1] if standing else None


def queue(
    connection: Connection, batch_id: int | None = None, state: str = "new", after: int = 0, limit: int = 25
) -> list[int]:
    """Ids of the assets that come next.

    Args:
        batch_id: Only this batch, in its order; None for all batches, oldest first.
        state: `new`, `skipped` or `done`.
        after: Leave out assets up to this one in that order; 0 starts at the beginning.
    """
    if batch_id is None:
        query = select(assets.c.id).where(assets.c.review == state, assets.c.id > after)
        return list(connection.execute(query.order_by(assets.c.id).limit(limit)).scalars())
    place = select(func.max(items.c.n)).where(items.c.batch_id == batch_id, items.c.asset_id == after)
    query = (
        select(assets.c.id)
        .join(items, items.c.asset_id == assets.c.id)
        .where(items.c.batch_id == batch_id, assets.c.review == state)
        .where(items.c.n > func.coalesce(place.scalar_subquery(), -1))
        .group_by(assets.c.id)
        .order_by(func.min(items.c.n))
    )
    return list(connection.execute(query.limit(limit)).scalars())


def still_new(connection: Connection, asset_ids: list[int]) -> list[int]:
    """Those of some assets that nobody finished or set aside, in the given order."""
    query = select(assets.c.id).where(assets.c.id.in_(asset_ids), assets.c.review == "new")
    waiting = set(connection.execute(query).scalars())
    return [asset_id for asset_id in asset_ids if asset_id in waiting]


def progress(connection: Connection, batch_id: int | None = None) -> Progress:
    """How far the review of a batch, or of everything, has come."""
    if batch_id is None:
        query = select(counters.c.name, counters.c.n).where(counters.c.name.startswith("review."))
        counts = {name.removeprefix("review."): n for name, n in connection.execute(query)}
    else:
        grouped = (
            select(assets.c.review, func.count(assets.c.id.distinct()))
            .join(items, items.c.asset_id == assets.c.id)
            .where(items.c.batch_id == batch_id)
            .group_by(assets.c.review)
        )
        counts = {row[0]: row[1] for row in connection.execute(grouped)}
    return Progress(counts.get("new", 0), counts.get("done", 0), counts.get("skipped", 0))


def _to_event(connection: Connection, user: User, decision: Decision, taxonomy: Taxonomy) -> Event:
    kind = Kind(decision.kind)
    if kind not in NEEDS_TAG | {Kind.DONE, Kind.SKIP}:
        raise DecisionError(f"{decision.kind!r} is no decision; it is accept, reject, add, replace, done or skip.")
    if (kind in NEEDS_TAG) != bool(decision.tag_id) or (kind == Kind.REPLACE) != bool(decision.other_tag_id):
        raise DecisionError("accept, reject and add name one tag, replace names two, done and skip none.")
    tag_id = taxonomy.tag(decision.tag_id).id if decision.tag_id else None
    other = taxonomy.tag(decision.other_tag_id).id if decision.other_tag_id else None
    if tag_id and tag_id == other:
        raise DecisionError("A tag cannot be replaced by itself.")
    return Event(
        kind,
        user.name,
        asset_id=decision.asset_id,
        tag_id=tag_id,
        other_tag_id=other,
        profile=decision.profile,
        seconds=decision.seconds,
        payload=_as_shown(connection, decision, tag_id),
        uid=decision.uid,
    )


def _as_shown(connection: Connection, decision: Decision, tag_id: str | None) -> dict | None:
    """What the person saw: the tag's own suggestion, or for a whole picture how many there were."""
    seen = suggesting.shown(connection, decision.asset_id, decision.profile)
    if tag_id is None:
        return {"shown": len(seen)}
    for s in seen:
        if s.tag_id == tag_id:
            return {
                "probability": round(s.probability, 4),
                "rank": s.rank,
                "revision": s.revision,
                "fingerprint": s.fingerprint,
            }
    return None
