"""Read access to the taxonomy's history."""

from __future__ import annotations

from datetime import datetime

from tagging_core.ledger import taxonomy_history
from tagging_core.ledger.taxonomy_history import Change, ChangeSet
from tagging_core.storage import Database
from tagging_core.taxonomy.model import Taxonomy


class TaxonomyHistory:
    """Reads past changes of the taxonomy; times are naive UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, limit: int = 50, before: int | None = None, tag_id: str = "") -> list[ChangeSet]:
        """Return changes, latest first.

        Args:
            limit: Maximum number of changes.
            before: Only changes before this event id, for pagination.
            tag_id: Only changes of this tag; empty for all.
        """
        with self._database.read() as connection:
            return taxonomy_history.recent(connection, limit, before, tag_id=tag_id)

    def first_change_at(self) -> datetime:
        """Return the time of the first change, which set the taxonomy up."""
        with self._database.read() as connection:
            return taxonomy_history.first_change_at(connection)

    def changes_since(self, moment: datetime) -> list[Change]:
        """Return the differences between the taxonomy at a given time and today's."""
        with self._database.read() as connection:
            return taxonomy_history.since(connection, taxonomy_history.event_at(connection, moment))

    def changes_of(self, act: str) -> list[Change]:
        """Return all items changed by one change set."""
        with self._database.read() as connection:
            return taxonomy_history.act_changes(connection, act)

    def taxonomy_at(self, moment: datetime) -> Taxonomy:
        """Return the taxonomy as of a given time."""
        with self._database.read() as connection:
            return taxonomy_history.taxonomy_at(connection, taxonomy_history.event_at(connection, moment))
