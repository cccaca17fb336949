"""Rebuilding the tables that are derived from events about assets."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import (
    Connection,
    delete,
    func,
    select,
    update,
)

from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.ledger.events import Event
from tagging_core.ledger.projection import BATCH_SIZE, Transition, histories, transitions_of, write_transitions
from tagging_core.ledger.rollups import writer
from tagging_core.storage import add_to, key_values
from tagging_core.storage.schema import assets, counters, events, items, labels, reviews
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.redirects import TagRedirects


def replay(connection: Connection, taxonomy: Taxonomy) -> None:
    """Rebuild all derived tables of assets from the ledger and mark every tag as dirty."""
    for table in (labels, reviews):
        connection.execute(delete(table))
    connection.execute(update(assets).where(assets.c.review != "new").values(review="new"))
    connection.execute(delete(counters))
    _count_all_as_new(connection)
    writer.forget(connection)
    for steps in _replayed_transitions(connection, taxonomy.redirects):
        write_transitions(connection, steps)
    mark_dirty(connection, taxonomy.tags)


def count_events(connection: Connection) -> int:
    """Count the events about assets."""
    query = select(func.count()).select_from(events).where(events.c.asset_id.is_not(None))
    return int(connection.execute(query).scalar_one())


def recount(connection: Connection, zone: str, redirects: TagRedirects) -> None:
    """Rebuild the rollups from the ledger, with days in another time zone.

    Args:
        zone: IANA name; stored as the installation's time zone.
    """
    key_values.put(connection, key_values.ZONE, zone)
    writer.forget(connection)
    for steps in _replayed_transitions(connection, redirects):
        writer.add(connection, [step.delta for step in steps])


def _replayed_transitions(connection: Connection, redirects: TagRedirects) -> Iterator[list[Transition]]:
    ids = select(events.c.asset_id).where(events.c.asset_id.is_not(None)).distinct().order_by(events.c.asset_id)
    asset_ids = list(connection.execute(ids).scalars())
    nothing: list[Event] = []
    for start in range(0, len(asset_ids), BATCH_SIZE):
        found = histories(connection, asset_ids[start : start + BATCH_SIZE])
        yield transitions_of(
            connection, {a: (nothing, each) for a, each in found.items()}, redirects, new=redirects
        )


def _count_all_as_new(connection: Connection) -> None:
    total = connection.execute(select(func.count()).select_from(assets)).scalar_one()
    pictures = func.count(items.c.asset_id.distinct())
    batches = connection.execute(select(items.c.batch_id, pictures).group_by(items.c.batch_id)).all()
    rows = [("review.new", total), *((f"batch.{batch_id}.new", n) for batch_id, n in batches if n)]
    add_to(connection, counters, [{"name": name, "n": n} for name, n in rows])
