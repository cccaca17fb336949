"""The tables that follow from the ledger, kept in step within the same transaction.

`record` is the only way an event about an asset gets written. It folds the asset's history before and after,
writes the difference, and marks the tags whose classifier must be fitted again. `refold` does the same for many
assets when it is not the history that changed but what its tags stand for.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Column, ColumnElement, Connection, and_, bindparam, delete, func, or_, select, update

from tagging_core.common import periods
from tagging_core.embeddings import spaces
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.events import AssetState, Event, Kind, Label, append, fold, history_of, to_event
from tagging_core.ledger.rollups import writer
from tagging_core.ledger.rollups.content import Facts
from tagging_core.ledger.rollups.writer import Delta
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.storage import add_to, key_values, pipelined, upsert
from tagging_core.storage.schema import assets, counters, dirty, events, items, labels, reviews
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.redirects import TagRedirects

IMPLICIT_SAMPLE = 100
"""Finished pictures per profile that stand for what reviews left out; a bottom-k sample, so order is no matter."""

_AT_ONCE = 500  # assets that are folded and written together


@dataclass(frozen=True, slots=True)
class _Transition:
    """What becomes different for one asset.

    Attributes:
        facts: What is known of the asset beside that.
        figures: What is added to those that managers read.
    """

    asset_id: int
    facts: Facts
    old: AssetState
    new: AssetState
    figures: Delta


def record(connection: Connection, event: Event, taxonomy: Taxonomy, before: Sequence[Event] | None = None) -> int:
    """Write an asset event and everything that follows from it; the caller has checked it.

    Args:
        before: The asset's events so far, if the caller has read them in this transaction.

    Returns:
        The event's id.
    """
    assert event.asset_id is not None
    if before is None:
        before = history_of(connection, event.asset_id)
    event_id = append(connection, event)
    written = replace(event, id=event_id)
    redirects = taxonomy.redirects
    (step,) = _steps(connection, {event.asset_id: (before, [*before, written])}, redirects, redirects)
    affected = _affected(connection, event.asset_id, step.old, step.new, taxonomy)
    taught = spaces.fingerprints(connection)
    with pipelined(connection):
        _write(connection, [step])
        _mark(connection, affected, taught)
    _announce(connection, step)
    return event_id


def _announce(connection: Connection, step: _Transition) -> None:
    was, now = step.old.review == "done", step.new.review == "done"
    if now and (not was or _changed(step.old, step.new)):
        webhook_outbox.announce(connection, EventType.ASSET_REVIEWED, [{"asset": step.asset_id}])
    elif was and not now:
        webhook_outbox.announce(connection, EventType.ASSET_REOPENED, [{"asset": step.asset_id}])


def refold(connection: Connection, old: TagRedirects, new: TagRedirects) -> set[str]:
    """Let decisions follow the tags that ids stand for, after some were merged or deleted or no longer are.

    It reads what was said of the tags concerned, however much was said of others.

    Returns:
        The tags whose decided pictures changed.
    """
    moved = new.moved(old)
    heads = {redirects.resolve(tag_id) for redirects in (old, new) for tag_id in moved} - {None}
    known = moved | heads | old.merged.keys() | new.merged.keys()
    family = {t for t in known if t in moved or old.resolve(t or "") in heads or new.resolve(t or "") in heads}
    named = or_(events.c.tag_id.in_(moved), events.c.other_tag_id.in_(moved))
    query = select(events.c.asset_id).where(events.c.asset_id.is_not(None), named).distinct()
    asset_ids = sorted(connection.execute(query).scalars())
    # Undos and closed reviews decide what holds of the rest; other tags stay as they are under both redirects.
    wanted = or_(
        events.c.tag_id.in_(family),
        events.c.other_tag_id.in_(family),
        events.c.kind.in_([Kind.UNDO, Kind.DONE]),
    )
    changed: set[str] = set()
    for start in range(0, len(asset_ids), _AT_ONCE):
        part = asset_ids[start : start + _AT_ONCE]
        found = histories(connection, part, wanted)
        steps = _steps(connection, {a: (each, each) for a, each in found.items()}, old, new)
        _write(connection, steps)
        changed |= {t for step in steps for t in _changed(step.old, step.new)}
    return changed


def _steps(
    connection: Connection,
    changes: Mapping[int, tuple[Sequence[Event], Sequence[Event]]],
    old: TagRedirects,
    new: TagRedirects,
) -> list[_Transition]:
    """What becomes different when each asset's first history becomes the second, and old redirects the new ones."""
    facts = writer.load_facts(connection, list(changes))
    day_of = periods.day_in(key_values.zone_of(connection))
    found = []
    for asset_id, (before, after) in changes.items():
        was, now = fold(before, old), fold(after, new)
        figures = writer.delta(before, after, was, now, facts[asset_id], day_of)
        found.append(_Transition(asset_id, facts[asset_id], was, now, figures))
    return found


def mark_dirty(connection: Connection, tag_ids: Iterable[str]) -> None:
    """Note that these tags' classifiers must be fitted again, in every family."""
    _mark(connection, tag_ids, spaces.fingerprints(connection))


def _mark(connection: Connection, tag_ids: Iterable[str], taught: Iterable[str]) -> None:
    row = {"marked": uuid.uuid4().hex}
    upsert(connection, dirty, [row | {"fingerprint": f, "tag_id": t} for f in taught for t in sorted(set(tag_ids))])


def labels_of(connection: Connection, asset_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
    """The decided tags of pictures by asset id, in the order they were decided; those without any are absent."""
    found: dict[int, dict[str, Label]] = {}
    query = select(labels).where(labels.c.asset_id.in_(asset_ids)).order_by(labels.c.event_id)
    for row in connection.execute(query):
        found.setdefault(row.asset_id, {})[row.tag_id] = Label(row.value, row.event_id, row.shown)
    return found


def decided_assets(
    connection: Connection, tag_id: str, asset_ids: Sequence[int], value: int | None = None
) -> set[int]:
    """Those of some pictures for which a tag was decided, either way or as applying (1) or not (0)."""
    found: set[int] = set()
    for start in range(0, len(asset_ids), _AT_ONCE):
        query = select(labels.c.asset_id).where(
            labels.c.tag_id == tag_id, labels.c.asset_id.in_(asset_ids[start : start + _AT_ONCE])
        )
        found.update(connection.execute(query if value is None else query.where(labels.c.value == value)).scalars())
    return found


def join_batch(connection: Connection, batch_id: int, asset_ids: Collection[int], new: int = 0) -> None:
    """Count pictures that are new to a batch, and what those are about that were finished before.

    Args:
        asset_ids: Pictures that were here before.
        new: How many came on top that were not.
    """
    states = Counter({"new": new}) if new else Counter()
    if asset_ids:
        states.update(connection.execute(select(assets.c.review).where(assets.c.id.in_(asset_ids))).scalars())
        writer.add_batch(connection, batch_id, asset_ids)
    add_to(connection, counters, [{"name": f"batch.{batch_id}.{state}", "n": n} for state, n in states.items()])


def replay(connection: Connection, taxonomy: Taxonomy) -> None:
    """Rebuild all derived tables of assets from the ledger and mark every tag as dirty."""
    for table in (labels, reviews):
        connection.execute(delete(table))
    connection.execute(update(assets).where(assets.c.review != "new").values(review="new"))
    connection.execute(delete(counters))
    _count_all_as_new(connection)
    writer.forget(connection)
    for steps in _all_steps(connection, taxonomy.redirects):
        _write(connection, steps)
    mark_dirty(connection, taxonomy.tags)


def count_events(connection: Connection) -> int:
    """Count the events about assets."""
    query = select(func.count()).select_from(events).where(events.c.asset_id.is_not(None))
    return int(connection.execute(query).scalar_one())


def recount(connection: Connection, zone: str, redirects: TagRedirects) -> None:
    """Count all figures that managers read anew from the ledger, by the days of a zone."""
    key_values.put(connection, key_values.ZONE, zone)
    writer.forget(connection)
    for steps in _all_steps(connection, redirects):
        writer.add(connection, [step.figures for step in steps])


def _all_steps(connection: Connection, redirects: TagRedirects) -> Iterator[list[_Transition]]:
    ids = select(events.c.asset_id).where(events.c.asset_id.is_not(None)).distinct().order_by(events.c.asset_id)
    asset_ids = list(connection.execute(ids).scalars())
    nothing: list[Event] = []
    for start in range(0, len(asset_ids), _AT_ONCE):
        found = histories(connection, asset_ids[start : start + _AT_ONCE])
        yield _steps(connection, {a: (nothing, each) for a, each in found.items()}, redirects, redirects)


def histories(
    connection: Connection, asset_ids: Sequence[int], wanted: ColumnElement[bool] | None = None
) -> dict[int, list[Event]]:
    """The events of some assets, by ascending id; all, or those that meet a condition."""
    found: dict[int, list[Event]] = {asset_id: [] for asset_id in asset_ids}
    mine = events.c.asset_id.in_(asset_ids)
    query = select(events).where(mine if wanted is None else and_(mine, wanted)).order_by(events.c.id)
    for row in connection.execute(query):
        found[row.asset_id].append(to_event(row))
    return found


def _count_all_as_new(connection: Connection) -> None:
    total = connection.execute(select(func.count()).select_from(assets)).scalar_one()
    pictures = func.count(items.c.asset_id.distinct())
    batches = connection.execute(select(items.c.batch_id, pictures).group_by(items.c.batch_id)).all()
    rows = [("review.new", total), *((f"batch.{batch_id}.new", n) for batch_id, n in batches if n)]
    add_to(connection, counters, [{"name": name, "n": n} for name, n in rows])


def _write(connection: Connection, steps: Sequence[_Transition]) -> None:
    _write_labels(connection, steps)
    _write_reviews(connection, steps)
    moves: Counter[str] = Counter()
    for step in steps:
        _count_state(moves, step.old, step.new)
        if step.old.review != step.new.review:
            mine = assets.c.id == step.asset_id
            connection.execute(update(assets).where(mine).values(review=step.new.review))
            for scope in ("review", *(f"batch.{batch_id}" for batch_id in step.facts.batches)):
                moves[f"{scope}.{step.old.review}"] -= 1
                moves[f"{scope}.{step.new.review}"] += 1
    add_to(connection, counters, [{"name": name, "n": n} for name, n in sorted(moves.items()) if n])
    writer.add(connection, [step.figures for step in steps])


def _write_labels(connection: Connection, steps: Sequence[_Transition]) -> None:
    said = [
        {
            "asset_id": step.asset_id,
            "sample": step.facts.sample,
            "tag_id": tag_id,
            "value": label.value,
            "event_id": label.event_id,
            "shown": label.shown,
        }
        for step in steps
        for tag_id, label in step.new.labels.items()
        if step.old.labels.get(tag_id) != label
    ]
    upsert(connection, labels, said)
    lost = [{"a": s.asset_id, "k": tag_id} for s in steps for tag_id in s.old.labels.keys() - s.new.labels.keys()]
    _delete(connection, labels.c.asset_id, labels.c.tag_id, lost)


def _write_reviews(connection: Connection, steps: Sequence[_Transition]) -> None:
    steps = [step for step in steps if step.old.reviews != step.new.reviews]
    done = [
        {"asset_id": step.asset_id, "sample": step.facts.sample, "profile": profile, "event_id": event_id}
        for step in steps
        for profile, event_id in step.new.reviews.items()
    ]
    upsert(connection, reviews, done)
    lost = [
        {"a": s.asset_id, "k": profile} for s in steps for profile in s.old.reviews.keys() - s.new.reviews.keys()
    ]
    _delete(connection, reviews.c.asset_id, reviews.c.profile, lost)


def _delete(connection: Connection, asset: Column, key: Column, lost: list[dict[str, object]]) -> None:
    if lost:
        connection.execute(delete(asset.table).where(asset == bindparam("a"), key == bindparam("k")), lost)


def _count_state(moves: Counter[str], old: AssetState, new: AssetState) -> None:
    moves.update(f"tag.{tag}={label.value}" for tag, label in new.labels.items())
    moves.subtract(f"tag.{tag}={label.value}" for tag, label in old.labels.items())
    moves.update(f"done.{profile}" for profile in new.reviews)
    moves.subtract(f"done.{profile}" for profile in old.reviews)
    moves.update([f"second.{new.first}"] if new.first else [])
    moves.subtract([f"second.{old.first}"] if old.first else [])


def _affected(
    connection: Connection, asset_id: int, old: AssetState, new: AssetState, taxonomy: Taxonomy
) -> set[str]:
    """Tags whose examples change: the decided ones, their rivals, and after a finished review all in play."""
    decided = _changed(old, new)
    # Tags out of use are fitted as well: taken into use again, they know what was said meanwhile.
    exclusive = {
        found.category_id
        for tag in decided
        if (found := taxonomy.tags.get(tag)) and taxonomy.categories[found.category_id].exclusive
    }
    in_play: set[str] = set()
    for profile_id in old.reviews.keys() ^ new.reviews.keys():
        if profile_id in taxonomy.profiles and _in_sample(connection, asset_id, profile_id):
            in_play |= set(taxonomy.profiles[profile_id].categories)
    concerned = exclusive | in_play
    return decided | {t.id for t in (taxonomy.unmerged() if concerned else ()) if t.category_id in concerned}


def _changed(old: AssetState, new: AssetState) -> set[str]:
    return {tag for tag in old.labels.keys() | new.labels.keys() if _said(old, tag) != _said(new, tag)}


def _said(state: AssetState, tag_id: str) -> tuple[int, bool] | None:
    label = state.labels.get(tag_id)
    return None if label is None else (label.value, label.shown)


def _in_sample(connection: Connection, asset_id: int, profile_id: str) -> bool:
    """Whether the asset is, or was until this event, among the sampled finished pictures of a profile."""
    mine = select(assets.c.sample).where(assets.c.id == asset_id).scalar_subquery()
    below = select(reviews.c.sample).where(and_(reviews.c.profile == profile_id, reviews.c.sample < mine))
    return len(connection.execute(below.limit(IMPLICIT_SAMPLE)).all()) < IMPLICIT_SAMPLE
