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
        """Return an asset's title, caption and alt text.

        Args:
            asset: The asset; its accompanying text takes precedence over generated text.
            language: `en` or `zh`.

        Returns:
            Each part as a person wrote it, otherwise generated from the accepted tags; `written` names the former.

        Raises:
            SearchError: The language is not supported.
        """
        with self._database.read() as connection:
            return captions.describe(connection, self._model.taxonomy, [asset], language=language)[asset.id]

    def write(self, user: User, asset_id: int, words: Description) -> Captions:
        """Store an asset's title, caption and alt text.

        Args:
            user: Needs the right to review.
            asset_id: The picture.
            words: The language and all three parts. A part that is empty or equal to the generated text stays
                generated; the others are cut at 200 (title), 2,000 (caption) or 500 characters (alt text).

        Returns:
            The texts as `of` returns them from now on.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: The picture does not exist.
            SearchError: The language is not supported.
        """
        with self._database.write(durable=True) as connection:
            taxonomy = self._model.load_taxonomy(connection)
            captions.write(connection, user, asset_id, wanted=words, taxonomy=taxonomy)
            asset = repository.get(connection, asset_id)
            return captions.describe(connection, taxonomy, [asset], language=words.language)[asset_id]
