"""Decisions, in process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tagging_core.api.operations.paging import number
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User
from tagging_core.ledger.events import Kind
from tagging_core.publishing import schemas, serializers
from tagging_core.review.decisions import Decision

_MAX_ID_DIGITS = 18  # of a database; longer digits can only be those of a group


class DecisionsOperations:
    """Operations on decisions, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def create(self, decisions: Sequence[schemas.NewDecision]) -> schemas.Written:
        """Record decisions as one group, all or none; the tag library learns from them immediately."""
        group = self._loop.review.decide_many(self._user, [self._to_decision(each) for each in decisions])
        return schemas.Written(act=group.id, decisions=group.event_ids)

    def undo(self, what: int | str) -> schemas.Written:
        """Undo a decision by its id, or a decision group; the tag library unlearns it."""
        if str(what).isdecimal() and len(str(what)) <= _MAX_ID_DIGITS:
            return schemas.Written(act="", decisions=[self._loop.review.undo(self._user, int(what))])
        group = self._loop.review.undo_group(self._user, str(what))
        return schemas.Written(act=group.id, decisions=group.event_ids)

    def list(
        self, asset: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> schemas.Page[schemas.Decision]:
        """Return decisions in ledger order; poll with the last `next` for new ones."""
        found = self._loop.assets.events(number(cursor or "0"), asset, limit)
        shaped = [serializers.decision(event) for event in found if event.kind != Kind.PROTECT]
        return schemas.Page[schemas.Decision](items=shaped, next=str(found[-1].id) if found else cursor)

    def _to_decision(self, new: schemas.NewDecision) -> Decision:
        shown = self._loop.shown_tokens.read(new.shown) if new.shown else None
        found = Decision(
            Kind(new.kind),
            new.asset,
            new.tag,
            new.other_tag,
            new.profile,
            seconds=new.seconds,
            note=new.note,
            shown=shown,
        )
        return replace(found, uid=new.id) if new.id else found
