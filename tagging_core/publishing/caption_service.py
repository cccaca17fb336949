"""Service for titles, captions and alt texts."""

from __future__ import annotations

from tagging_core.assets import repository
from tagging_core.assets.repository import Asset
from tagging_core.common.users import User
from tagging_core.learning.active_model import ActiveModel
from tagging_core.publishing import captions
from tagging_core.publishing.caption_model import CaptionDrafter
from tagging_core.publishing.caption_templates import Description
from tagging_core.publishing.captions import Captions
from tagging_core.storage import Database


class CaptionService:
    """Reads and writes titles, captions and alt texts.

    Args:
        database: The store of record.
        model: The active model, for its cached taxonomy.
        drafter: Drafts texts with a generative model.
    """

    def __init__(self, database: Database, model: ActiveModel, drafter: CaptionDrafter) -> None:
        self._database, self._model, self.drafter = database, model, drafter

    def of(self, asset: Asset, language: str) -> Captions:
        """Return an asset's texts: as a person wrote them, otherwise generated from its accepted tags."""
        with self._database.read() as connection:
            return captions.describe(connection, self._model.taxonomy, [asset], language=language)[asset.id]

    def write(self, user: User, asset_id: int, words: Description) -> Captions:
        """Store an asset's title, caption or alt text; empty parts are generated from the tags."""
        with self._database.write(durable=True) as connection:
            taxonomy = self._model.load_taxonomy(connection)
            captions.write(connection, user, asset_id, wanted=words, taxonomy=taxonomy)
            asset = repository.get(connection, asset_id)
            return captions.describe(connection, taxonomy, [asset], language=words.language)[asset_id]
