"""The history of the taxonomy, for owners to read."""

from __future__ import annotations

from datetime import datetime

from tagging_core.ledger import taxonomy_history
from tagging_core.ledger.taxonomy_history import Change, LibraryAct
from tagging_core.storage import Database
from tagging_core.taxonomy.model import Taxonomy


class TaxonomyHistory:
    """Reads past changes of the taxonomy; moments are UTC without zone.

    Args:
        database: The store of record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def recent(self, limit: int = 50, before: int | None = None, tag_id: str = "") -> list[LibraryAct]:
        """Return the latest changes, latest first.

        Args:
            limit: At most this many.
            before: Only changes before this event id, for paging.
            tag_id: Only changes of this tag.
        """
        with self._database.read() as connection:
            return taxonomy_history.recent(connection, limit, before, tag_id)

    def first_change_at(self) -> datetime:
        """Return when the taxonomy was set up."""
        with self._database.read() as connection:
            return taxonomy_history.first_change_at(connection)

    def changes_since(self, moment: datetime) -> list[Change]:
        """Return what differs between the taxonomy at a moment and today's."""
        with self._database.read() as connection:
            return taxonomy_history.since(connection, taxonomy_history.event_at(connection, moment))

    def changes_of(self, act: str) -> list[Change]:
        """Return everything that one change changed."""
        with self._database.read() as connection:
            return taxonomy_history.act_changes(connection, act)

    def taxonomy_at(self, moment: datetime) -> Taxonomy:
        """Return the whole taxonomy at a moment."""
        with self._database.read() as connection:
            return taxonomy_history.taxonomy_at(connection, taxonomy_history.event_at(connection, moment))
