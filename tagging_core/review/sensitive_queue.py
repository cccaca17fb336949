"""Suggestions of sensitive tags that await a decision."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, exists, func, select

from tagging_core.storage.schema import labels, suggestions
from tagging_core.taxonomy.model import Taxonomy

_MANY = 10_000
"""Counting stops here."""


def waiting(connection: Connection, taxonomy: Taxonomy) -> dict[str, int]:
    """Return the number of undecided pictures by active sensitive tag, 10,000 at most."""
    found = {}
    for tag in taxonomy.active():
        if tag.sensitive:
            ids = select(suggestions.c.asset_id).where(*_undecided(tag.id, taxonomy)).distinct().limit(_MANY)
            found[tag.id] = int(connection.execute(select(func.count()).select_from(ids.subquery())).scalar_one())
    return found


def pictures(
    connection: Connection, taxonomy: Taxonomy, tag_id: str, *, limit: int = 24
) -> list[tuple[int, float]]:
    """Return undecided pictures of a sensitive tag with its probability, most probable first."""
    query = select(suggestions.c.asset_id, func.max(suggestions.c.probability)).where(*_undecided(tag_id, taxonomy))
    query = query.group_by(suggestions.c.asset_id).order_by(func.max(suggestions.c.probability).desc()).limit(limit)
    return [(row[0], row[1]) for row in connection.execute(query)]


def _undecided(tag_id: str, taxonomy: Taxonomy) -> tuple[Any, ...]:
    decided = exists().where(labels.c.asset_id == suggestions.c.asset_id, labels.c.tag_id == tag_id)
    return suggestions.c.profile.in_(list(taxonomy.profiles)), suggestions.c.tag_id == tag_id, ~decided
