"""A proposal, how it is kept, and how it is dismissed for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select

from tagging_core import ledger
from tagging_core.common.users import Action, User, require
from tagging_core.ledger.events import Event, Kind
from tagging_core.storage import upsert
from tagging_core.storage.schema import dismissed, events, proposals

KINDS = ("synonyms", "split", "new", "confusion", "wrong")


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something to look at.

    Attributes:
        kind: `synonyms` (two tags that may be one), `split` (a tag that may be two), `new` (pictures that lack a
            tag), `confusion` (a tag often taken for another), `wrong` (a picture that may have a tag wrongly).
        subjects: The tags, or the pictures of a new one, that it is about; with the kind they tell it from others.
        score: Comparable within its kind; greater comes first.
        evidence: What speaks for it.
    """

    kind: str
    subjects: tuple[str, ...]
    score: float
    evidence: dict[str, Any]

    @property
    def key(self) -> str:
        """The same for the same proposal, whenever it is made."""
        return f"{self.kind}:{'|'.join(self.subjects)}"


def keep(
    connection: Connection, kinds: Sequence[str], found: Iterable[Proposal], of: Sequence[str] | None = None
) -> None:
    """Put proposals in place of the earlier ones of these kinds.

    Args:
        of: Only those about these tags are replaced; None for all.
    """
    old = delete(proposals).where(proposals.c.kind.in_(kinds))
    if of is not None:
        for subject in of:
            for kind in kinds:
                connection.execute(old.where(proposals.c.key == f"{kind}:{subject}"))
    else:
        connection.execute(old)
    rows = [{"key": p.key[:300], "kind": p.kind, "score": p.score, "evidence": p.evidence} for p in found]
    upsert(connection, proposals, rows)


def listed(connection: Connection, kind: str, limit: int = 50) -> list[Proposal]:
    """The proposals of a kind that nobody dismissed, weightiest first."""
    query = select(proposals).where(proposals.c.kind == kind, proposals.c.key.not_in(select(dismissed.c.key)))
    rows = connection.execute(query.order_by(proposals.c.score.desc(), proposals.c.key).limit(limit))
    return [
        Proposal(row.kind, tuple(row.key.removeprefix(f"{kind}:").split("|")), row.score, row.evidence)
        for row in rows
    ]


def counts(connection: Connection) -> dict[str, int]:
    """How many proposals of each kind wait for an owner."""
    query = select(proposals.c.kind, func.count()).where(proposals.c.key.not_in(select(dismissed.c.key)))
    return {kind: int(n) for kind, n in connection.execute(query.group_by(proposals.c.kind))}


def dismiss(connection: Connection, user: User, key: str, wanted: bool = False) -> None:
    """Never show a proposal or an alert again; `wanted` takes that back.

    Raises:
        NotAllowedError: The user is no taxonomy owner.
    """
    require(user, Action.CURATE)
    event_id = ledger.append(connection, Event(Kind.DISMISS, user.name, payload={"key": key, "wanted": wanted}))
    connection.execute(delete(dismissed).where(dismissed.c.key == key))
    if not wanted:
        upsert(connection, dismissed, [{"key": key, "event_id": event_id}])


def replay(connection: Connection) -> None:
    """Make the table of what was dismissed anew from the ledger."""
    connection.execute(delete(dismissed))
    query = select(events.c.id, events.c.payload).where(events.c.kind == Kind.DISMISS).order_by(events.c.id)
    latest = {row.payload["key"]: row for row in connection.execute(query)}
    rows = [{"key": key, "event_id": row.id} for key, row in latest.items() if not row.payload["wanted"]]
    upsert(connection, dismissed, rows)
