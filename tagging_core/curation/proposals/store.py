"""Storage and dismissal of proposals."""

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
    """A proposal for taxonomy owners.

    Attributes:
        kind: `synonyms` (two tags that may be one), `split` (a tag that may be two), `new` (pictures that lack a
            tag), `confusion` (a tag often confused with another), `wrong` (a probable label error).
        subjects: Ids of the tags or pictures it concerns; unique within a kind.
        score: Comparable within a kind; highest first.
        evidence: JSON object whose fields depend on the kind.
    """

    kind: str
    subjects: tuple[str, ...]
    score: float
    evidence: dict[str, Any]

    @property
    def key(self) -> str:
        """Stable identifier, the same whenever the proposal is found."""
        return f"{self.kind}:{'|'.join(self.subjects)}"


def keep(
    connection: Connection, kinds: Sequence[str], found: Iterable[Proposal], *, of: Sequence[str] | None = None
) -> None:
    """Replace the stored proposals of some kinds.

    Args:
        of: Tag ids whose proposals are replaced; None for all.
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
    """Return the open proposals of a kind.

    Args:
        connection: A read transaction.
        kind: One of KINDS; any other has no proposals.
        limit: Maximum number of proposals.

    Returns:
        Proposals that have not been dismissed, highest score first.
    """
    query = select(proposals).where(proposals.c.kind == kind, proposals.c.key.not_in(select(dismissed.c.key)))
    rows = connection.execute(query.order_by(proposals.c.score.desc(), proposals.c.key).limit(limit))
    return [
        Proposal(row.kind, tuple(row.key.removeprefix(f"{kind}:").split("|")), row.score, row.evidence)
        for row in rows
    ]


def counts(connection: Connection) -> dict[str, int]:
    """Count the open proposals of each kind."""
    query = select(proposals.c.kind, func.count()).where(proposals.c.key.not_in(select(dismissed.c.key)))
    return {kind: int(n) for kind, n in connection.execute(query.group_by(proposals.c.kind))}


def dismiss(connection: Connection, user: User, key: str, *, wanted: bool = False) -> None:
    """Dismiss a proposal or an alert permanently, or restore it.

    Args:
        connection: A write transaction.
        user: Needs the right to change the tag library.
        key: `Proposal.key` or `Alert.key`; whether it exists is not checked.
        wanted: True restores it.

    Raises:
        NotAllowedError: The user may not change the tag library.
    """
    require(user, Action.CURATE)
    event_id = ledger.append(connection, Event(Kind.DISMISS, user.name, payload={"key": key, "wanted": wanted}))
    connection.execute(delete(dismissed).where(dismissed.c.key == key))
    if not wanted:
        upsert(connection, dismissed, [{"key": key, "event_id": event_id}])


def replay(connection: Connection) -> None:
    """Rebuild the table of dismissed proposals from the ledger."""
    connection.execute(delete(dismissed))
    query = select(events.c.id, events.c.payload).where(events.c.kind == Kind.DISMISS).order_by(events.c.id)
    latest = {row.payload["key"]: row for row in connection.execute(query)}
    rows = [{"key": key, "event_id": row.id} for key, row in latest.items() if not row.payload["wanted"]]
    upsert(connection, dismissed, rows)
