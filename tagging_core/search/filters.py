"""Filters: which pictures may be found at all; the same for search, lists and exports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, select

from tagging_core.common.periods import Period
from tagging_core.errors import SearchError
from tagging_core.ledger.events import STATES
from tagging_core.storage.schema import assets, batches, items, labels, tags
from tagging_core.taxonomy.model import Taxonomy


@dataclass(frozen=True, slots=True)
class Filters:
    """What pictures must be like; whatever is left out does not matter.

    Attributes:
        tags: Accepted tags that they must all have, or tags below these in the tree.
        category: They must have an accepted tag of it.
        profile: They came in under it.
        batch_id: They are in it.
        period: Days, in the installation's time zone, on which they came in.
        state: One of `ledger.STATES`.
    """

    tags: tuple[str, ...] = ()
    category: str = ""
    profile: str = ""
    batch_id: int | None = None
    period: Period | None = None
    state: str = ""

    def conditions(self, taxonomy: Taxonomy, zone: str) -> list[ColumnElement[bool]]:
        """As conditions on assets.

        Args:
            zone: Whose days the period means.

        Raises:
            NotFoundError: There is no such tag or profile.
            SearchError: There is no such category or state.
        """
        found = [_labelled(labels.c.tag_id.in_(taxonomy.with_children(taxonomy.tag(tag).id))) for tag in self.tags]
        if self.category:
            if self.category not in taxonomy.categories:
                raise SearchError(
                    f"There is no category {self.category!r}; there are {', '.join(taxonomy.categories)}."
                )
            found.append(
                _labelled(labels.c.tag_id.in_(select(tags.c.id).where(tags.c.category_id == self.category)))
            )
        if self.profile:
            mine = select(items.c.asset_id).join(batches, batches.c.id == items.c.batch_id)
            found.append(assets.c.id.in_(mine.where(batches.c.profile == taxonomy.profile(self.profile).id)))
        if self.batch_id is not None:
            found.append(assets.c.id.in_(select(items.c.asset_id).where(items.c.batch_id == self.batch_id)))
        if self.period is not None:
            found += [
                assets.c.created_at >= _midnight(self.period, 0, zone),
                assets.c.created_at < _midnight(self.period, 1, zone),
            ]
        if self.state:
            if self.state not in STATES:
                raise SearchError(f"{self.state!r} is no state of a picture; it is one of {', '.join(STATES)}.")
            found.append(assets.c.review == self.state)
        return found


ANY = Filters()
"""Every picture passes."""


def matching(connection: Connection, conditions: list[ColumnElement[bool]], asset_ids: Collection[int]) -> set[int]:
    """Those of some pictures that meet conditions."""
    if not conditions:
        return set(asset_ids)
    found: set[int] = set()
    ids = list(asset_ids)
    for start in range(0, len(ids), 5_000):
        query = select(assets.c.id).where(assets.c.id.in_(ids[start : start + 5_000]), *conditions)
        found.update(connection.execute(query).scalars())
    return found


def _labelled(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return assets.c.id.in_(select(labels.c.asset_id).where(labels.c.value == 1, which))


def _midnight(period: Period, last: int, zone: str) -> datetime:
    """The first moment of a period (0), or the first after it (1), UTC without zone."""
    day = period.last + timedelta(days=1) if last else period.first
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
