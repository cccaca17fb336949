"""The tables that follow from the ledger, kept in step within the same transaction.

`record` is the only way an event about an asset gets written. It folds the asset's history before and after,
writes the difference, and marks the tags whose classifier must be fitted again.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, and_, delete, func, select, update

from tagging_core import ledger
from tagging_core.ledger import AssetState, Event, Label
from tagging_core.store import add_to, upsert
from tagging_core.store.tables import assets, counters, daily, dirty, events, items, labels, reviews
from tagging_core.taxonomy import Taxonomy

IMPLICIT_SAMPLE = 100
"""Finished pictures per profile that stand for what reviews left out; a bottom-k sample, so order is no matter."""


def record(connection: Connection, event: Event, taxonomy: Taxonomy) -> int:
    """Write an asset event and everything that follows from it; the caller has checked it.

    Returns:
        The event's id.
    """
    assert event.asset_id is not None
    before = ledger.history_of(connection, event.asset_id)
    event_id = ledger.append(connection, event)
    written = ledger.find_event(connection, event_id)
    assert written is not None
    after = [*before, written]
    old, new = ledger.fold(before), ledger.fold(after)
    _write_state(connection, event.asset_id, old, new)
    _count(connection, _tally(after) - _tally(before), 1)
    _count(connection, _tally(before) - _tally(after), -1)
    mark_dirty(connection, _affected(connection, event.asset_id, old, new, taxonomy))
    return event_id


def mark_dirty(connection: Connection, tag_ids: Iterable[str]) -> None:
    """Note that these tags' classifiers must be fitted again."""
    mark = uuid.uuid4().hex
    upsert(connection, dirty, [{"tag_id": tag_id, "marked": mark} for tag_id in sorted(set(tag_ids))])


def labels_of(connection: Connection, asset_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
    """The decided tags of pictures by asset id, in the order they were decided; those without any are absent."""
    found: dict[int, dict[str, Label]] = {}
    query = select(labels).where(labels.c.asset_id.in_(asset_ids)).order_by(labels.c.event_id)
    for row in connection.execute(query):
        found.setdefault(row.asset_id, {})[row.tag_id] = Label(row.value, row.event_id, row.shown)
    return found


def count_reviews(connection: Connection, asset_id: int, moves: dict[str, int]) -> None:
    """Move the counts of pictures by state of review, of the archive and of the batches that an asset is in.

    Args:
        moves: By state, how many more there are.
    """
    query = select(items.c.batch_id).where(items.c.asset_id == asset_id).distinct()
    scopes = ["review", *(f"batch.{batch_id}" for batch_id in connection.execute(query).scalars())]
    rows = [{"name": f"{scope}.{state}", "n": n} for scope in scopes for state, n in moves.items()]
    add_to(connection, counters, rows)


def replay(connection: Connection, taxonomy: Taxonomy) -> int:
    """Make all derived tables of assets anew from the ledger and mark every tag.

    Returns:
        The number of asset events replayed.
    """
    for table in (labels, reviews):
        connection.execute(delete(table))
    connection.execute(delete(daily).where(daily.c.kind != "upload"))
    connection.execute(update(assets).where(assets.c.review != "new").values(review="new"))
    connection.execute(delete(counters))
    _count_all_as_new(connection)
    replayed = 0
    empty = ledger.fold([])
    for asset_id, history in _histories(connection):
        _write_state(connection, asset_id, empty, ledger.fold(history))
        _count(connection, _tally(history), 1)
        replayed += len(history)
    mark_dirty(connection, taxonomy.tags)
    return replayed


def _count_all_as_new(connection: Connection) -> None:
    total = connection.execute(select(func.count()).select_from(assets)).scalar_one()
    pictures = func.count(items.c.asset_id.distinct())
    batches = connection.execute(select(items.c.batch_id, pictures).group_by(items.c.batch_id)).all()
    rows = [("review.new", total), *((f"batch.{batch_id}.new", n) for batch_id, n in batches if n)]
    add_to(connection, counters, [{"name": name, "n": n} for name, n in rows])


def _histories(connection: Connection) -> Iterator[tuple[int, list[Event]]]:
    ids = select(events.c.asset_id).where(events.c.asset_id.is_not(None)).distinct().order_by(events.c.asset_id)
    for (asset_id,) in connection.execute(ids).all():
        yield asset_id, ledger.history_of(connection, asset_id)


def _write_state(connection: Connection, asset_id: int, old: AssetState, new: AssetState) -> None:
    sample = connection.execute(select(assets.c.sample).where(assets.c.id == asset_id)).scalar_one()
    key = {"asset_id": asset_id, "sample": sample}
    changed = [
        {**key, "tag_id": tag, "value": label.value, "event_id": label.event_id, "shown": label.shown}
        for tag, label in new.labels.items()
        if old.labels.get(tag) != label
    ]
    upsert(connection, labels, changed)
    if lost := old.labels.keys() - new.labels.keys():
        connection.execute(delete(labels).where(labels.c.asset_id == asset_id, labels.c.tag_id.in_(lost)))
    upsert(connection, reviews, [{**key, "profile": p, "event_id": e} for p, e in new.reviews.items()])
    if lost := old.reviews.keys() - new.reviews.keys():
        connection.execute(delete(reviews).where(reviews.c.asset_id == asset_id, reviews.c.profile.in_(lost)))
    _count_state(connection, old, new)
    if old.review != new.review:
        connection.execute(update(assets).where(assets.c.id == asset_id).values(review=new.review))
        count_reviews(connection, asset_id, {old.review: -1, new.review: 1})


def _count_state(connection: Connection, old: AssetState, new: AssetState) -> None:
    moves = Counter({f"tag.{tag}={label.value}": 1 for tag, label in new.labels.items()})
    moves.subtract(f"tag.{tag}={label.value}" for tag, label in old.labels.items())
    moves.update(f"done.{profile}" for profile in new.reviews)
    moves.subtract(f"done.{profile}" for profile in old.reviews)
    moves.update([f"second.{new.first}"] if new.first else [])
    moves.subtract([f"second.{old.first}"] if old.first else [])
    add_to(connection, counters, [{"name": name, "n": n} for name, n in sorted(moves.items()) if n])


def _tally(history: list[Event]) -> Counter[tuple[str, str, str]]:
    gone = ledger.taken_back(history)
    return Counter((e.day, tag, kind) for e in history if e.id not in gone for tag, kind in ledger.tallies(e))


def _count(connection: Connection, tally: Counter[tuple[str, str, str]], sign: int) -> None:
    rows = [{"day": day, "tag_id": tag, "kind": kind, "n": sign * n} for (day, tag, kind), n in tally.items()]
    add_to(connection, daily, rows)


def _affected(
    connection: Connection, asset_id: int, old: AssetState, new: AssetState, taxonomy: Taxonomy
) -> set[str]:
    """Tags whose examples change: the decided ones, their rivals, and after a finished review all in play."""
    decided = {tag for tag in old.labels.keys() | new.labels.keys() if _said(old, tag) != _said(new, tag)}
    rivals = {
        other.id for tag in decided if tag in taxonomy.tags for other in taxonomy.siblings(taxonomy.tags[tag])
    }
    left_out: set[str] = set()
    for profile_id in old.reviews.keys() ^ new.reviews.keys():
        if profile_id in taxonomy.profiles and _in_sample(connection, asset_id, profile_id):
            left_out |= {tag.id for tag in taxonomy.active(taxonomy.profiles[profile_id])}
    return decided | rivals | left_out


def _said(state: AssetState, tag_id: str) -> tuple[int, bool] | None:
    label = state.labels.get(tag_id)
    return None if label is None else (label.value, label.shown)


def _in_sample(connection: Connection, asset_id: int, profile_id: str) -> bool:
    """Whether the asset is, or was until this event, among the sampled finished pictures of a profile."""
    mine = select(assets.c.sample).where(assets.c.id == asset_id).scalar_subquery()
    below = select(reviews.c.sample).where(and_(reviews.c.profile == profile_id, reviews.c.sample < mine))
    return len(connection.execute(below.limit(IMPLICIT_SAMPLE)).all()) < IMPLICIT_SAMPLE
