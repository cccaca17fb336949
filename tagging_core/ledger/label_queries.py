"""Reading labels: the tags decided for assets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    Connection,
    select,
)

from tagging_core.ledger.events import Label
from tagging_core.ledger.projection import BATCH_SIZE
from tagging_core.storage.schema import labels


def labels_of(connection: Connection, asset_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
    """Return the labels of assets.

    Args:
        connection: A read or write transaction.
        asset_ids: The assets, read in one query: a page of them rather than the whole archive.

    Returns:
        By asset id and tag id, each asset's tags in the order of decision; assets without labels are absent.
    """
    found: dict[int, dict[str, Label]] = {}
    query = select(labels).where(labels.c.asset_id.in_(asset_ids)).order_by(labels.c.event_id)
    for row in connection.execute(query):
        found.setdefault(row.asset_id, {})[row.tag_id] = Label(row.value, row.event_id, row.shown)
    return found


def decided_assets(
    connection: Connection, tag_id: str, asset_ids: Sequence[int], *, value: int | None = None
) -> set[int]:
    """Filter assets to those on which a tag was decided.

    Args:
        connection: A read or write transaction.
        tag_id: Id of an unmerged tag; redirects are not followed.
        asset_ids: The assets, any number.
        value: 1 or 0 for assets the tag applies to or not; None for either.

    Returns:
        Ids of the assets that match.
    """
    found: set[int] = set()
    for start in range(0, len(asset_ids), BATCH_SIZE):
        query = select(labels.c.asset_id).where(
            labels.c.tag_id == tag_id, labels.c.asset_id.in_(asset_ids[start : start + BATCH_SIZE])
        )
        found.update(connection.execute(query if value is None else query.where(labels.c.value == value)).scalars())
    return found
