"""Project the ledger into tables, within the transaction that writes the event.

`record` is the only way to write an event about an asset. It folds the asset's history before and after, writes
the difference, and marks the tags whose classifiers must be refitted. `refold` does the same for many assets after
tags were merged or deleted and the history itself did not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    or_,
    select,
    update,
)

from tagging_core.common import periods
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.ledger.events import AssetState, Event, Kind, append, fold, history_of, to_event
from tagging_core.ledger.rollups import writer
from tagging_core.ledger.rollups.content import Facts
from tagging_core.ledger.rollups.writer import Delta
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.storage import add_to, pipelined, upsert
from tagging_core.storage.schema import assets, counters, events, labels, reviews
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.redirects import TagRedirects

IMPLICIT_SAMPLE = 100
"""Size of the per-profile sample of finished assets whose undecided tags serve as implicit negatives.

It is a bottom-k sample by `Asset.sample`, so it does not depend on the order of reviews.
"""

BATCH_SIZE = 500  # assets folded and written together


@dataclass(frozen=True, slots=True)
class Transition:
    """State change of one asset.

    Attributes:
        facts: Properties of the asset that the rollups need.
        delta: Change of the rollups.
    """

    asset_id: int
    facts: Facts
    old: AssetState
    new: AssetState
    delta: Delta


def record(
    connection: Connection, event: Event, taxonomy: Taxonomy, *, before: Sequence[Event] | None = None
) -> int:
    """Append an asset event and update all projections; the caller has validated it.

    Args:
        connection: A write transaction.
        event: Its `asset_id` must be set, to an asset that exists.
        taxonomy: As of this transaction; gives the redirects and the tags to refit.
        before: The asset's events so far, if the caller has already read them in this transaction.

    Returns:
        The event's id.
    """
    assert event.asset_id is not None
    if before is None:
        before = history_of(connection, event.asset_id)
    event_id = append(connection, event)
    written = replace(event, id=event_id)
    redirects = taxonomy.redirects
    (step,) = transitions_of(connection, {event.asset_id: (before, [*before, written])}, redirects, new=redirects)
    affected = _affected(connection, event.asset_id, step.old, new=step.new, taxonomy=taxonomy)
    with pipelined(connection):
        write_transitions(connection, [step])
        mark_dirty(connection, affected)
    _announce_review(connection, step)
    return event_id


def _announce_review(connection: Connection, step: Transition) -> None:
    was, now = step.old.review == "done", step.new.review == "done"
    if now and (not was or _changed(step.old, step.new)):
        webhook_outbox.announce(connection, EventType.ASSET_REVIEWED, [{"asset": step.asset_id}])
    elif was and not now:
        webhook_outbox.announce(connection, EventType.ASSET_REOPENED, [{"asset": step.asset_id}])


def refold(connection: Connection, old: TagRedirects, new: TagRedirects) -> set[str]:
    """Update the projections after tags were merged, deleted or restored.

    Only events that concern the affected tags are read.

    Args:
        connection: A write transaction.
        old: The redirects that the projections were written under.
        new: The redirects now in force.

    Returns:
        Ids of the tags whose decided assets changed.
    """
    moved = new.moved(old)
    targets = {redirects.resolve(tag_id) for redirects in (old, new) for tag_id in moved} - {None}
    known = moved | targets | old.merged.keys() | new.merged.keys()
    related = {t for t in known if t in moved or old.resolve(t or "") in targets or new.resolve(t or "") in targets}
    named = or_(events.c.tag_id.in_(moved), events.c.other_tag_id.in_(moved))
    query = select(events.c.asset_id).where(events.c.asset_id.is_not(None), named).distinct()
    asset_ids = sorted(connection.execute(query).scalars())
    # The fold also needs undos and finished reviews; unrelated tags fold to the same labels under both redirects.
    wanted = or_(
        events.c.tag_id.in_(related),
        events.c.other_tag_id.in_(related),
        events.c.kind.in_([Kind.UNDO, Kind.DONE]),
    )
    changed: set[str] = set()
    for start in range(0, len(asset_ids), BATCH_SIZE):
        part = asset_ids[start : start + BATCH_SIZE]
        found = histories(connection, part, wanted)
        steps = transitions_of(connection, {a: (each, each) for a, each in found.items()}, old, new=new)
        write_transitions(connection, steps)
        changed |= {t for step in steps for t in _changed(step.old, step.new)}
    return changed


def transitions_of(
    connection: Connection,
    changes: Mapping[int, tuple[Sequence[Event], Sequence[Event]]],
    old: TagRedirects,
    *,
    new: TagRedirects,
) -> list[Transition]:
    """Transitions from each asset's (before, after) histories, folded under the old and the new redirects."""
    facts, zone = writer.load_facts(connection, list(changes))
    day_of = periods.day_in(zone)
    found = []
    for asset_id, (before, after) in changes.items():
        was, now = fold(before, old), fold(after, new)
        delta = writer.delta(before, after, was, now=now, facts=facts[asset_id], day_of=day_of)
        found.append(Transition(asset_id, facts[asset_id], was, now, delta))
    return found


def join_batch(connection: Connection, batch_id: int, asset_ids: Collection[int], *, new: int = 0) -> None:
    """Add assets to a batch's counters and tag rollups.

    Args:
        asset_ids: Assets that existed before the upload, now also in this batch.
        new: Number of assets that the upload created.
    """
    states = Counter({"new": new}) if new else Counter()
    if asset_ids:
        states.update(connection.execute(select(assets.c.review).where(assets.c.id.in_(asset_ids))).scalars())
        writer.add_batch(connection, batch_id, asset_ids)
    add_to(connection, counters, [{"name": f"batch.{batch_id}.{state}", "n": n} for state, n in states.items()])


def histories(
    connection: Connection, asset_ids: Sequence[int], wanted: ColumnElement[bool] | None = None
) -> dict[int, list[Event]]:
    """Return the events of assets, by ascending id.

    Args:
        wanted: Condition on `events`; None for all events.

    Returns:
        By asset id; assets without events map to an empty list.
    """
    found: dict[int, list[Event]] = {asset_id: [] for asset_id in asset_ids}
    condition = events.c.asset_id.in_(asset_ids)
    query = select(events).where(condition if wanted is None else and_(condition, wanted)).order_by(events.c.id)
    for row in connection.execute(query):
        found[row.asset_id].append(to_event(row))
    return found


def write_transitions(connection: Connection, steps: Sequence[Transition]) -> None:
    """Write what becomes different for some assets."""
    _write_labels(connection, steps)
    _write_reviews(connection, steps)
    moves: Counter[str] = Counter()
    for step in steps:
        _count_state(moves, step.old, step.new)
        if step.old.review != step.new.review:
            this = assets.c.id == step.asset_id
            connection.execute(update(assets).where(this).values(review=step.new.review))
            for scope in ("review", *(f"batch.{batch_id}" for batch_id in step.facts.batches)):
                moves[f"{scope}.{step.old.review}"] -= 1
                moves[f"{scope}.{step.new.review}"] += 1
    add_to(connection, counters, [{"name": name, "n": n} for name, n in sorted(moves.items()) if n])
    writer.add(connection, [step.delta for step in steps])


def _write_labels(connection: Connection, steps: Sequence[Transition]) -> None:
    rows = [
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
    upsert(connection, labels, rows)
    gone = [{"a": s.asset_id, "k": tag_id} for s in steps for tag_id in s.old.labels.keys() - s.new.labels.keys()]
    _delete(connection, labels.c.asset_id, labels.c.tag_id, rows=gone)


def _write_reviews(connection: Connection, steps: Sequence[Transition]) -> None:
    steps = [step for step in steps if step.old.reviews != step.new.reviews]
    done = [
        {"asset_id": step.asset_id, "sample": step.facts.sample, "profile": profile, "event_id": event_id}
        for step in steps
        for profile, event_id in step.new.reviews.items()
    ]
    upsert(connection, reviews, done)
    gone = [
        {"a": s.asset_id, "k": profile} for s in steps for profile in s.old.reviews.keys() - s.new.reviews.keys()
    ]
    _delete(connection, reviews.c.asset_id, reviews.c.profile, rows=gone)


def _delete(connection: Connection, asset: Column[Any], key: Column[Any], *, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(delete(asset.table).where(asset == bindparam("a"), key == bindparam("k")), rows)


def _count_state(moves: Counter[str], old: AssetState, new: AssetState) -> None:
    moves.update(f"tag.{tag}={label.value}" for tag, label in new.labels.items())
    moves.subtract(f"tag.{tag}={label.value}" for tag, label in old.labels.items())
    moves.update(f"done.{profile}" for profile in new.reviews)
    moves.subtract(f"done.{profile}" for profile in old.reviews)
    moves.update([f"second.{new.first}"] if new.first else [])
    moves.subtract([f"second.{old.first}"] if old.first else [])


def _affected(
    connection: Connection, asset_id: int, old: AssetState, *, new: AssetState, taxonomy: Taxonomy
) -> set[str]:
    """Tags whose training examples change.

    These are the decided tags and all tags of their exclusive categories; if a sampled asset's review was finished
    or reopened, all tags of the profile; if a category got its first decision on a finished asset, or lost its last
    one, all tags of the category, whose completeness changed.
    """
    decided = _changed(old, new)
    # Deprecated tags are fitted as well, so that they are up to date when reactivated.
    exclusive = {
        found.category_id
        for tag in decided
        if (found := taxonomy.tags.get(tag)) and taxonomy.categories[found.category_id].exclusive
    }
    in_play: set[str] = set()
    looked_at = _categories(old, taxonomy) ^ _categories(new, taxonomy)
    for profile_id in (old.reviews.keys() | new.reviews.keys()) & taxonomy.profiles.keys():
        mine = set(taxonomy.profiles[profile_id].categories)
        if profile_id in old.reviews and profile_id in new.reviews:
            mine &= looked_at
        if mine and _in_sample(connection, asset_id, profile_id):
            in_play |= mine
    concerned = exclusive | in_play
    return decided | {t.id for t in (taxonomy.unmerged() if concerned else ()) if t.category_id in concerned}


def _categories(state: AssetState, taxonomy: Taxonomy) -> set[str]:
    """Categories with a decision."""
    return {tag.category_id for tag_id in state.labels if (tag := taxonomy.tags.get(tag_id))}


def _changed(old: AssetState, new: AssetState) -> set[str]:
    return {tag for tag in old.labels.keys() | new.labels.keys() if _verdict(old, tag) != _verdict(new, tag)}


def _verdict(state: AssetState, tag_id: str) -> tuple[int, bool] | None:
    """What the classifiers learn from a label, whichever event decided it."""
    label = state.labels.get(tag_id)
    return None if label is None else (label.value, label.shown)


def _in_sample(connection: Connection, asset_id: int, profile_id: str) -> bool:
    """Whether the asset is, or was until this event, in the profile's sample of finished assets."""
    sample = select(assets.c.sample).where(assets.c.id == asset_id).scalar_subquery()
    below = select(reviews.c.sample).where(and_(reviews.c.profile == profile_id, reviews.c.sample < sample))
    return len(connection.execute(below.limit(IMPLICIT_SAMPLE)).all()) < IMPLICIT_SAMPLE
