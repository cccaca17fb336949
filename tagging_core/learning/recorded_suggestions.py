"""The suggestions that assets came in with, kept for exports and for queues of sensitive tags."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select

from tagging_core.learning import uncertainty
from tagging_core.learning.suggestions import Suggestion
from tagging_core.storage import pipelined, upsert
from tagging_core.storage.schema import suggestions


def record(
    connection: Connection,
    profile_id: str,
    chosen: dict[int, list[Suggestion]],
    *,
    margins: dict[int, float],
    new: Collection[int] = (),
) -> None:
    """Store the suggestions made when assets were ingested, replacing earlier ones of the same profile.

    Args:
        connection: A write transaction.
        profile_id: The profile they were made for.
        chosen: Suggestions by asset id.
        margins: By asset id, see `uncertainty.margins`.
        new: Assets without stored suggestions, for which nothing is deleted.
    """
    with pipelined(connection):
        _delete_earlier(connection, [asset_id for asset_id in chosen if asset_id not in new], profile_id)
        _insert(connection, chosen, profile_id)
        uncertainty.save_margins(connection, margins)


def recorded(connection: Connection, asset_id: int, profile_id: str) -> list[Suggestion]:
    """Return the suggestions stored for an asset and profile, best first."""
    query = select(suggestions).where(suggestions.c.asset_id == asset_id, suggestions.c.profile == profile_id)
    rows = connection.execute(query.order_by(suggestions.c.rank))
    return [Suggestion(r.tag_id, r.probability, r.rank, r.fingerprint, r.revision) for r in rows]


def profile_of(connection: Connection, asset_id: int) -> str:
    """Return the profile of an asset's latest stored suggestions; "general" if there are none."""
    query = select(suggestions.c.profile).where(suggestions.c.asset_id == asset_id)
    return str(connection.execute(query.order_by(suggestions.c.at.desc()).limit(1)).scalar() or "general")


def _insert(connection: Connection, chosen: dict[int, list[Suggestion]], profile_id: str) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {
            "asset_id": asset_id,
            "profile": profile_id,
            "tag_id": s.tag_id,
            "probability": s.probability,
            "rank": s.rank,
            "fingerprint": s.fingerprint,
            "revision": s.revision,
            "at": now,
        }
        for asset_id, found in chosen.items()
        for s in found
    ]
    upsert(connection, suggestions, rows)


def _delete_earlier(connection: Connection, asset_ids: Sequence[int], profile_id: str) -> None:
    if asset_ids:
        mine = suggestions.c.asset_id.in_(asset_ids), suggestions.c.profile == profile_id
        connection.execute(delete(suggestions).where(*mine))
