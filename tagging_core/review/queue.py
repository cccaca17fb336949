"""The review queue: its views, its progress and the order of pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from tagging_core.common.users import User
from tagging_core.ledger.events import STATES
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import assets, counters, events, items, reviews


class Order(StrEnum):
    """Order of waiting pictures."""

    TEACHING = "teaching"  # active learning, see `planner`
    DOUBT = "doubt"  # smallest margin first
    BATCH = "batch"  # upload order
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class View:
    """A filter and order of the queue.

    Attributes:
        profile: Profile of the review.
        batch_id: Only this batch; None for all.
        state: One of `ledger.STATES`.
        order: TEACHING and DOUBT apply to the state "new" only; other states use upload order.
    """

    profile: str = "general"
    batch_id: int | None = None
    state: str = "new"
    order: Order = Order.TEACHING


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """Number of pictures by review state.

    Attributes:
        second: Finished once, awaiting a second opinion from somebody else.
    """

    waiting: int
    done: int
    skipped: int
    flagged: int = 0
    second: int = 0

    @property
    def total(self) -> int:
        """Total number of pictures."""
        return self.waiting + self.done + self.skipped + self.flagged + self.second


def progress(connection: Connection, batch_id: int | None = None) -> QueueProgress:
    """Return the progress of a batch, or of all pictures, in constant time from exact counters."""
    scope = "review" if batch_id is None else f"batch.{batch_id}"
    query = select(counters.c.name, counters.c.n).where(counters.c.name.in_([f"{scope}.{s}" for s in STATES]))
    counts = {name.rsplit(".", 1)[1]: n for name, n in connection.execute(query)}
    new, second, skipped, flagged, done = (counts.get(state, 0) for state in STATES)
    return QueueProgress(new, done, skipped, flagged, second)


def in_batch(batch_id: int | None) -> list[ColumnElement[bool]]:
    """Return the conditions on `assets` that select a batch; none for None."""
    if batch_id is None:
        return []
    return [assets.c.id.in_(select(items.c.asset_id).where(items.c.batch_id == batch_id))]


def next_assets(
    connection: Connection,
    view: View,
    after: int = 0,
    *,
    limit: int = 25,
    without: Collection[int] = (),
    user: User | None = None,
) -> list[int]:
    """Return the ids of the next pictures, newest first for that order and in upload order otherwise.

    Args:
        after: Continue after this picture in that order; 0 starts at the beginning.
        without: Pictures to exclude.
        user: Exclude pictures awaiting a second opinion whose first review is by this user.
    """
    query = _newest_first(view, after) if view.order == Order.NEWEST else _as_uploaded(view, after)
    if view.state == "second" and user is not None:
        first = select(reviews.c.asset_id).join(events, events.c.id == reviews.c.event_id)
        mine = first.where(reviews.c.asset_id == assets.c.id, events.c.actor == user.name)
        query = query.where(~mine.exists())
    found = dict.fromkeys(connection.execute(query.limit(limit + len(without))).scalars())
    return [asset_id for asset_id in found if asset_id not in without][:limit]


def assets_for_bulk(
    connection: Connection,
    view: View,
    rates: SamplingRates,
    *,
    limit: int,
    without: Collection[int] = (),
    sampled: bool = False,
) -> list[int]:
    """Return waiting pictures for bulk review; the blind sample is excluded, as it is reviewed one by one.

    Args:
        sampled: Use the deterministic random order of `sample` instead of the view's order.
    """
    if sampled:
        query = select(assets.c.id).where(assets.c.review == view.state, *in_batch(view.batch_id))
        query = query.order_by(assets.c.sample)
    else:
        query = _newest_first(view, 0) if view.order == Order.NEWEST else _as_uploaded(view, 0)
    found = dict.fromkeys(connection.execute(query.where(rates.not_blind()).limit(limit + len(without))).scalars())
    return [asset_id for asset_id in found if asset_id not in without][:limit]


def filter_by_state(connection: Connection, asset_ids: Collection[int], state: str = "new") -> set[int]:
    """Return the pictures that are in a state."""
    query = select(assets.c.id).where(assets.c.id.in_(asset_ids), assets.c.review == state)
    return set(connection.execute(query).scalars())


def _newest_first(view: View, after: int) -> Select[Any]:
    query = select(assets.c.id).where(assets.c.review == view.state, *in_batch(view.batch_id))
    if after:
        query = query.where(assets.c.id < after)
    return query.order_by(assets.c.id.desc())


def _as_uploaded(view: View, after: int) -> Select[Any]:
    if view.batch_id is None:
        return select(assets.c.id).where(assets.c.review == view.state, assets.c.id > after).order_by(assets.c.id)
    here = items.c.batch_id == view.batch_id
    place = select(func.max(items.c.n)).where(here, items.c.asset_id == after).scalar_subquery()
    return (
        select(assets.c.id)
        .join(items, items.c.asset_id == assets.c.id)
        .where(here, assets.c.review == view.state, items.c.n > func.coalesce(place, -1))
        .order_by(items.c.n)
    )
