"""Incremental updates of the rollups, in the transaction that changes an asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from tagging_core.common import periods
from tagging_core.ledger.events import AssetState, Event, Kind
from tagging_core.ledger.rollups import content as about
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.content import Facts
from tagging_core.ledger.rollups.tally import tally
from tagging_core.storage import add_to, key_values
from tagging_core.storage.schema import assets, content, daily, items, labels, reviews


@dataclass(frozen=True, slots=True)
class Delta:
    """Change that one asset makes to the daily counts and to the content rollup; counts may be negative."""

    daily: Counter[tuple[str, str, str, str]]
    content: Counter[tuple[str, str, str, str]]


def delta(
    before: Sequence[Event],
    after: Sequence[Event],
    was: AssetState,
    *,
    now: AssetState,
    facts: Facts,
    day_of: Callable[[datetime], str],
) -> Delta:
    """Compute the change of the rollups when one asset's history or state changes.

    Args:
        before: Events before; the same object as `after` when only redirects changed, which daily counts ignore.
        after: Events after.
        was: State before.
        now: State after.
        day_of: Converts a UTC time to a local day, see `periods.day_in`.
    """
    counts: Counter[tuple[str, str, str, str]] = Counter()
    if before is not after:
        counts = tally(after, day_of)
        counts.subtract(tally(before, day_of))
    finished = {event.id: event.at for event in after if event.kind == Kind.DONE}
    described = about.describe(now, facts, finished, day_of=day_of)
    described.subtract(about.describe(was, facts, finished, day_of=day_of))
    return Delta(counts, described)


def load_facts(connection: Connection, asset_ids: Sequence[int]) -> tuple[dict[int, Facts], str]:
    """Load the facts of assets by id, unknown ids are absent, and the time zone that defines a day."""
    zone, name = "UTC", key_values.query(key_values.ZONE)
    columns = assets.c.id, assets.c.taken_at, assets.c.created_at, assets.c.sample, items.c.batch_id
    query = select(*columns, name.label("zone")).distinct()
    query = query.outerjoin(items, items.c.asset_id == assets.c.id).where(assets.c.id.in_(asset_ids))
    found: dict[int, Facts] = {}
    batches: dict[int, list[int]] = {}
    for asset_id, taken_at, created_at, sample, batch_id, known in connection.execute(
        query.order_by(items.c.batch_id)
    ):
        batch_ids = batches.setdefault(asset_id, [])
        batch_ids += [] if batch_id is None else [batch_id]
        found[asset_id] = Facts(taken_at, created_at, sample, batch_ids)
        zone = known or zone
    return found, zone


def add(connection: Connection, deltas: Iterable[Delta]) -> None:
    """Add deltas to the tables."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    described: Counter[tuple[str, str, str, str]] = Counter()
    for each in deltas:
        counts.update(each.daily)
        described.update(each.content)
    add_to(connection, daily, reader.rows(counts))
    _add_content(connection, described)


def add_batch(connection: Connection, batch_id: int, asset_ids: Collection[int]) -> None:
    """Add existing assets that are new to a batch to the batch's content counts; only finished ones count."""
    query = select(reviews.c.asset_id).where(reviews.c.asset_id.in_(asset_ids)).distinct()
    finished = list(connection.execute(query).scalars())
    given = select(labels.c.tag_id).where(labels.c.asset_id.in_(finished), labels.c.value == 1)
    counts = Counter({about.ALL: len(finished)}) + Counter(connection.execute(given).scalars())
    _add_content(connection, {(about.BATCH, str(batch_id), "", tag_id): n for tag_id, n in counts.items()})


def forget(connection: Connection) -> None:
    """Clear the rollups before a replay, and recount uploads, which are not in the ledger."""
    connection.execute(delete(daily))
    connection.execute(delete(content))
    day_of = periods.day_in(key_values.zone_of(connection))
    uploads = Counter(day_of(at) for at in connection.execute(select(assets.c.created_at)).scalars())
    add_to(connection, daily, reader.rows({(day, "all", "", "upload"): n for day, n in uploads.items()}))


def _add_content(connection: Connection, counts: Mapping[tuple[str, str, str, str], int]) -> None:
    counted = [(key, n) for key, n in sorted(counts.items()) if n]
    rows = [{"basis": b, "part": p, "day": day, "tag_id": tag, "n": n} for (b, p, day, tag), n in counted]
    add_to(connection, content, rows)
