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

        Args:
            asset_id: Id of the asset, not its SHA-256.

        Returns:
            The asset with its text and review state, but without its files.

        Raises:
            NotFoundError: There is no such asset.
        """
        with self._database.read() as connection:
            return repository.get(connection, asset_id)

    def get_many(self, asset_ids: Sequence[int]) -> list[Asset]:
        """Return several assets.

        Args:
            asset_ids: Ids in any order.

        Returns:
            The assets in the order of `asset_ids`; unknown ids are left out.
        """
        with self._database.read() as connection:
            return repository.get_many(connection, asset_ids)

    def find(self, text: str, limit: int) -> list[Asset]:
        """Search assets by text and file name.

        Args:
            text: Prefixes of words of the asset's text, all of which must match, or a part of its file name; not
                case-sensitive. If empty, all assets match.
            limit: Maximum number of assets.

        Returns:
            Assets that match by text, then those that match by file name, each latest first.
        """
        with self._database.read() as connection:
            return repository.find(connection, text, limit)

    def history(self, asset_id: int) -> list[tuple[Event, bool]]:
        """Return the event history of an asset.

        Args:
            asset_id: The asset; an unknown one has no events.

        Returns:
            All events, latest first, each with whether it is still in effect, that is, not undone.
        """
        return self.histories([asset_id])[asset_id]

    def histories(self, asset_ids: Sequence[int]) -> dict[int, list[tuple[Event, bool]]]:
        """Return the event histories of several assets.

        Args:
            asset_ids: The assets, read in one query.

        Returns:
            As from `history`, by asset id.
        """
        if not asset_ids:
            return {}
        with self._database.read() as connection:
            return history.of_pictures(connection, asset_ids)

    def events(self, after: int = 0, asset_id: int | None = None, limit: int = 100) -> list[Event]:
        """Return a page of the events about assets.

        Args:
            after: Only events with a higher id; 0 for all.
            asset_id: Only events of this asset; None for all.
            limit: Maximum number of events.

        Returns:
            The events by ascending id, the ledger's order; the last id is `after` of the next page.
        """
        with self._database.read() as connection:
            return history.events_since(connection, after, asset_id, limit=limit)

    def labels(self, asset_ids: Sequence[int]) -> dict[int, dict[str, Label]]:
        """Return the current labels of assets.

        Args:
            asset_ids: The assets.

        Returns:
            Labels by asset id and tag id, in the order of decision; a label's value is 1 if the tag applies and 0
            if it was rejected. Assets without labels are absent.
        """
        with self._database.read() as connection:
            return label_queries.labels_of(connection, asset_ids)
