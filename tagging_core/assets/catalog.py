"""The picture catalogue as pages call it: each method is one read transaction."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.assets import repository
from tagging_core.assets.repository import Asset
from tagging_core.ledger import history, label_queries
from tagging_core.ledger.events import Event, Label
from tagging_core.storage import Database


class AssetCatalog:
    """Looks assets up.

    Args:
        database: The store of record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, asset_id: int) -> Asset:
        """Return an asset.

        Raises:
            NotFoundError: There is no such asset.
        """
        with self._database.read() as connection:
            return repository.get(connection, asset_id)

    def get_many(self, asset_ids: Sequence[int]) -> list[Asset]:
        """Return assets in the order given; unknown ids are left out."""
        with self._database.read() as connection:
            return repository.get_many(connection, asset_ids)

    def find(self, text: str, limit: int) -> list[Asset]:
        """Return the assets whose name or text has these words, latest first; the latest ones if empty."""
        with self._database.read() as connection:
            return repository.find(connection, text, limit)

    def history(self, asset_id: int) -> list[tuple[Event, bool]]:
        """Return all events of an asset, latest first, each with whether it is still in force."""
        with self._database.read() as connection:
            return history.of_picture(connection, asset_id)

    def events(self, after: int = 0, asset_id: int | None = None, limit: int = 100) -> list[Event]:
        """Return events about assets in the ledger's order, of one asset only if given.

        Args:
            after: Only events with a higher id; 0 for all.
            asset_id: The asset; None for all.
            limit: At most this many.
        """
        with self._database.read() as connection:
            return history.events_since(connection, after, asset_id, limit=limit)

    def labels(self, asset_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
        """Return the decided tags by asset id; assets without any are absent."""
        with self._database.read() as connection:
            return label_queries.labels_of(connection, asset_ids)
