"""Filters on assets, shared by search, lists and exports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select

from tagging_core.common import periods
from tagging_core.common.periods import Period
from tagging_core.errors import SearchError
from tagging_core.ledger.events import STATES
from tagging_core.storage.schema import assets, batches, items, labels, tags
from tagging_core.taxonomy.model import Taxonomy


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on assets, all of which must hold; empty ones are ignored.

    Attributes:
        tags: Every one of these tags, or a descendant of it, is accepted.
        category: Some tag of this category is accepted.
        profile: The asset is in a batch of this profile.
        batch_id: The asset is in this batch.
        period: First and last day of ingest, inclusive, in the installation's time zone.
        state: Review state, one of `ledger.STATES`.
    """

    tags: tuple[str, ...] = ()
    category: str = ""
    profile: str = ""
    batch_id: int | None = None
    period: Period | None = None
    state: str = ""

    def conditions(self, taxonomy: Taxonomy, zone: str) -> list[ColumnElement[bool]]:
        """Return the filters as SQL.

        Args:
            taxonomy: Resolves merged tags, and finds the descendants of tags.
            zone: IANA time zone of the period's days, such as `Europe/Berlin`.

        Returns:
            Conditions on the table `assets`, all of which must hold; empty if there are no filters.

        Raises:
            NotFoundError: A tag or the profile does not exist.
            SearchError: The category or state does not exist.
        """
        found = [_labelled(labels.c.tag_id.in_(taxonomy.with_children(taxonomy.tag(tag).id))) for tag in self.tags]
        if self.category:
            if self.category not in taxonomy.categories:
                raise SearchError(
                    f"There is no category {self.category!r}; expected one of {', '.join(taxonomy.categories)}."
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
            first, after = periods.moments(self.period, zone)
            found += [assets.c.created_at >= first, assets.c.created_at < after]
        if self.state:
            if self.state not in STATES:
                raise SearchError(f"There is no review state {self.state!r}; expected one of {', '.join(STATES)}.")
            found.append(assets.c.review == self.state)
        return found


ANY = Filters()
"""Matches every asset."""


def matching(connection: Connection, conditions: list[ColumnElement[bool]], asset_ids: Collection[int]) -> set[int]:
    """Return the ids, among those given, whose assets meet all conditions."""
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
