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


class DecisionsOperations:
    """Decisions as one user.

    Args:
        loop: The installation.
        user: As whom everything is done.
    """

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def create(self, decisions: Sequence[schemas.NewDecision]) -> schemas.Written:
        """Write decisions as one act, all or none; the library is taught at once."""
        act = self._loop.review.decide_many(self._user, [self._to_decision(each) for each in decisions])
        return schemas.Written(act=act.id, decisions=act.event_ids)

    def undo(self, what: int | str) -> schemas.Written:
        """Take one decision back, by its number, or a whole act; also from what was learned."""
        if str(what).isdecimal():
            return schemas.Written(act="", decisions=[self._loop.review.undo(self._user, int(what))])
        act = self._loop.review.undo_group(self._user, str(what))
        return schemas.Written(act=act.id, decisions=act.event_ids)

    def list(
        self, asset: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> schemas.Page[schemas.Decision]:
        """What was decided, in the order of the ledger; keep `next` and ask later for what is new."""
        found = self._loop.assets.events(number(cursor or "0"), asset, limit)
        shaped = [serializers.decision(event) for event in found if event.kind != Kind.PROTECT]
        return schemas.Page[schemas.Decision](items=shaped, next=str(found[-1].id) if found else cursor)

    def _to_decision(self, asked: schemas.NewDecision) -> Decision:
        shown = self._loop.shown_tokens.read(asked.shown) if asked.shown else None
        found = Decision(
            Kind(asked.kind),
            asked.asset,
            asked.tag,
            asked.other_tag,
            asked.profile,
            seconds=asked.seconds,
            note=asked.note,
            shown=shown,
        )
        return replace(found, uid=asked.id) if asked.id else found
