"""Undos of decisions, which keep the decision in the ledger."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection

from tagging_core import ledger
from tagging_core.common.users import Action, User, require
from tagging_core.errors import DecisionError
from tagging_core.ledger import projection
from tagging_core.ledger.events import Event, Kind
from tagging_core.review import leases
from tagging_core.taxonomy.model import Taxonomy


def undo(
    connection: Connection,
    user: User,
    event_id: int,
    *,
    taxonomy: Taxonomy,
    uid: str = "",
    group_id: str | None = None,
) -> int:
    """Undo a decision, including its effect on the classifiers.

    Returns:
        The id of the undo event, which can itself be undone.

    Raises:
        NotAllowedError: The user may not review, or it is another user's and the user may not run the system.
        DecisionError: There is no such decision, it was undone already, or it is an edit of a text or description.
        LeasedError: Another user has leased the picture.
    """
    require(user, Action.REVIEW)
    if uid and (earlier := ledger.find_uid(connection, uid)):
        return earlier.id
    target = ledger.find_event(connection, event_id)
    if target is None or target.asset_id is None:
        raise DecisionError(f"There is no decision {event_id} to take back.")
    require(user, undo_right(user, target.actor))
    leases.require_free(connection, user, target.asset_id)
    return revert(connection, user, target, taxonomy=taxonomy, uid=uid, group_id=group_id)


def revert(
    connection: Connection,
    user: User,
    target: Event,
    *,
    taxonomy: Taxonomy,
    uid: str = "",
    group_id: str | None = None,
) -> int:
    """As `undo`, whoever decided and whoever has the picture open: for changes of the tag library."""
    if target.kind == Kind.DESCRIBE:
        raise DecisionError("A description is not taken back but edited; emptied, it follows the tags again.")
    if target.kind == Kind.TEXT:
        former = (target.payload or {}).get("before", {})
        raise DecisionError(f"A text is not taken back but edited; before event {target.id} it read {former}.")
    assert target.asset_id is not None
    before = ledger.history_of(connection, target.asset_id)
    if target.id in ledger.undone_ids(before):
        raise DecisionError(f"Decision {target.id} was taken back already.")
    event = Event(
        Kind.UNDO,
        user.name,
        asset_id=target.asset_id,
        tag_id=target.tag_id,
        target_id=target.id,
        uid=uid or uuid.uuid4().hex,
        group_id=group_id,
    )
    return projection.record(connection, event, taxonomy, before=before)


def undo_right(user: User, actor: str) -> Action:
    """Return the right that undoing an actor's decisions needs, one of them or all of a period."""
    return Action.REVIEW if actor == user.name else Action.OPERATE


def target_of(connection: Connection, undo_id: int) -> Event:
    """Return the decision that an undo event reverts, or that an undo of an undo restores.

    Raises:
        DecisionError: There is no such event.
    """
    event = ledger.find_event(connection, undo_id)
    while event and event.kind == Kind.UNDO and event.target_id is not None:
        event = ledger.find_event(connection, event.target_id)
    if event is None:
        raise DecisionError(f"There is no decision {undo_id}.")
    return event
