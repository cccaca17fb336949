"""What an editor does on a card, as the console's review surface sends it: in order, and perhaps more than once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Connection, select

from tagging_core import ledger
from tagging_core.common.users import Action, User, require
from tagging_core.errors import DecisionError
from tagging_core.ledger.events import CLOSING_STATES, Event, Kind, Label
from tagging_core.review import leases
from tagging_core.review.decisions import Decision
from tagging_core.review.retractions import undo_right
from tagging_core.review.service import ReviewService
from tagging_core.review.shown import Shown
from tagging_core.storage.schema import events
from tagging_core.taxonomy.model import Taxonomy


class ActKind(StrEnum):
    """What an act does; the first seven are decisions, see `ledger.Kind`."""

    ACCEPT = "accept"
    REJECT = "reject"
    ADD = "add"
    REPLACE = "replace"
    DONE = "done"
    SKIP = "skip"
    FLAG = "flag"
    CLEAR = "clear"  # undoes what was decided about one tag
    REOPEN = "reopen"  # undoes the decision that closed the review
    UNDO = "undo"  # undoes an earlier act


_RETRACTIONS = {ActKind.CLEAR, ActKind.REOPEN, ActKind.UNDO}


@dataclass(frozen=True, slots=True)
class Act:
    """An act on one picture.

    Attributes:
        uid: Idempotency key: an act that arrives twice is written once.
        other_tag_id: The replacement, for `replace`.
        target: Uid of the earlier act, for `undo`.
        shown: The suggestions the editor saw, with the profile and the kind of look of the card.
        seconds: Time since the picture appeared, if known.
        note: Reason for a flag.
    """

    uid: str
    kind: ActKind
    asset_id: int
    shown: Shown
    tag_id: str | None = None
    other_tag_id: str | None = None
    target: str = ""
    seconds: float | None = None
    note: str = ""


class EditorActs:
    """Applies acts: decisions, and retractions that name what the editor saw rather than an event.

    Accepting or adding a tag of an exclusive category replaces the accepted one. Clearing what somebody else
    accepted rejects it, unless the user may undo decisions of others.

    Args:
        review: Writes decisions and undos.
    """

    def __init__(self, review: ReviewService) -> None:
        self._review = review

    def apply(self, user: User, act: Act, later: Collection[str] = ()) -> None:
        """Write an act to the ledger and fit its tags; does nothing if it was applied before.

        Args:
            user: Needs the right to review.
            act: On a picture that nobody else has leased.
            later: Uids of acts that followed it.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: The picture, tag or profile does not exist.
            DecisionError: The act is invalid, its target was undone by other means, or it arrives again after later
                ones, having changed nothing the first time.
            LeasedError: Another user has leased the picture.
            EncoderError: A tag cannot be fitted; the act is stored.
        """
        self._refuse_late(act, later)
        if act.kind in _RETRACTIONS:
            with self._review.database.read() as connection:
                target = self._target_of(connection, user, act)
            if target is None:
                return
            if act.kind != ActKind.CLEAR or not _accepted_by_another(target, user, act):
                self._review.undo(user, target.id, act.uid)
                return
            act = replace(act, kind=ActKind.REJECT)  # only administrators undo what others decided
        shown, kind, tag_id, other = act.shown, Kind(act.kind), act.tag_id, act.other_tag_id
        if rival := self._accepted_rival(user, act):
            kind, tag_id, other = Kind.REPLACE, rival, tag_id
        self._review.decide(
            user,
            Decision(
                kind,
                act.asset_id,
                tag_id,
                other,
                shown.profile,
                act.seconds,
                act.note,
                shown.look,
                shown,
                uid=act.uid,
            ),
        )

    def _refuse_late(self, act: Act, later: Collection[str]) -> None:
        """Refuse an act that was refused or had nothing to change before, where it would override what followed."""
        if not later:
            return
        query = select(events.c.uid).where(events.c.uid.in_([act.uid, *later]))
        with self._review.database.read() as connection:
            known = set(connection.execute(query).scalars())
        if known and act.uid not in known:
            raise DecisionError("The connection broke while this was being saved. Please check the picture.")

    def _accepted_rival(self, user: User, act: Act) -> str | None:
        """The tag that a newly accepted one of the same exclusive category replaces."""
        if act.kind not in (ActKind.ACCEPT, ActKind.ADD) or not act.tag_id:
            return None
        with self._review.database.read() as connection:
            taxonomy = self._review.model.load_taxonomy(connection)
            rivals = {tag.id for tag in taxonomy.siblings(taxonomy.tag(act.tag_id))}
            if not rivals:
                return None
            labels = _labels(ledger.history_of(connection, act.asset_id), user, act, taxonomy=taxonomy)
        return next((tag_id for tag_id, label in labels.items() if label.value and tag_id in rivals), None)

    def _target_of(self, connection: Connection, user: User, act: Act) -> Event | None:
        """The event that a retraction undoes; None if there is nothing to undo."""
        require(user, Action.REVIEW)
        if ledger.find_uid(connection, act.uid) is not None:
            return None
        if act.kind == ActKind.UNDO:
            target = ledger.find_uid(connection, act.target)
            if target is not None and target.actor != user.name:
                raise DecisionError("Only your own decisions can be undone here; the picture's history shows all.")
            return target
        leases.require_free(connection, user, act.asset_id)
        history = ledger.history_of(connection, act.asset_id)
        if act.kind == ActKind.REOPEN:
            return _closing(history)
        return _deciding(history, user, act, taxonomy=self._review.model.load_taxonomy(connection))


def _accepted_by_another(target: Event, user: User, act: Act) -> bool:
    accepted = target.kind in (Kind.ACCEPT, Kind.ADD) or (
        target.kind == Kind.REPLACE and act.tag_id != target.tag_id
    )
    return accepted and not user.may(undo_right(user, target.actor))


def _closing(history: list[Event]) -> Event | None:
    undone = ledger.undone_ids(history)
    return next((e for e in reversed(history) if e.kind in CLOSING_STATES and e.id not in undone), None)


def _deciding(history: list[Event], user: User, act: Act, *, taxonomy: Taxonomy) -> Event | None:
    if not act.tag_id:
        raise DecisionError("`clear` names the tag whose decision is undone.")
    label = _labels(history, user, act, taxonomy=taxonomy).get(taxonomy.tag(act.tag_id).id)
    return next((event for event in history if label and event.id == label.event_id), None)


def _labels(history: list[Event], user: User, act: Act, *, taxonomy: Taxonomy) -> dict[str, Label]:
    """The labels that the card showed: in an independent review, the user's own."""
    standing = ledger.fold(history, taxonomy.redirects)
    return standing.looks.get(user.name, {}) if act.shown.look else standing.labels
