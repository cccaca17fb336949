"""Assets, in process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tagging_core.api.operations.paging import number, page
from tagging_core.api.operations.search import hits
from tagging_core.app.tagloop import Tagloop
from tagging_core.assets import files
from tagging_core.assets import repository as asset_module
from tagging_core.assets.repository import AssetText
from tagging_core.common.users import User
from tagging_core.errors import NotFoundError
from tagging_core.learning import recorded_suggestions
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.publishing import schemas, serializers
from tagging_core.publishing.caption_templates import Description
from tagging_core.publishing.captions import Captions
from tagging_core.publishing.exports.exporter import Format, by_filters, export
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.publishing.schemas import EVERYTHING, Rendition
from tagging_core.taxonomy.model import Taxonomy


class AssetsOperations:
    """Operations on assets, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def get(self, asset: int | str, language: schemas.Language = "en") -> schemas.Asset:
        """Return an asset by id, or by a prefix of its SHA-256 of at least 8 digits."""
        with self._loop.database.read() as connection:
            found = asset_module.resolve(connection, str(asset))
            return serializers.assets(connection, self._loop.taxonomy(), [found], language=language)[0]

    def get_many(self, asset_ids: Sequence[int], language: schemas.Language = "en") -> Sequence[schemas.Asset]:
        """Return assets in the order of their ids; unknown ids are skipped."""
        with self._loop.database.read() as connection:
            found = asset_module.get_many(connection, asset_ids)
            return serializers.assets(connection, self._loop.taxonomy(), found, language=language)

    def list(
        self,
        filters: schemas.Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = 50,
        *,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Asset]:
        """Return a page of assets, newest first."""
        found = self._loop.search.latest(serializers.to_filters(filters), limit + 1, number(cursor or "0"))
        with self._loop.database.read() as connection:
            shaped = serializers.assets(connection, self._loop.taxonomy(), found, language=language)
        return page(shaped, limit, lambda asset: asset.id)

    def picture(self, asset: int, rendition: Rendition = "screen") -> bytes:
        """Return an image file: the original, or a JPEG of at most 1,400 (`screen`) or 320 pixels per side."""
        with self._loop.database.read() as connection:
            found = asset_module.get(connection, asset)
        images = self._loop.resources.images
        images.repair(found.sha256, self._loop.settings.max_pixels)
        try:
            return images.read(files.Rendition(rendition), found.sha256)
        except OSError as error:
            raise NotFoundError(f"The file of picture {asset} is missing; run `doctor` for a remedy.") from error

    def suggestions(
        self,
        asset: int,
        profile: str = "general",
        top_k: int = MAX_SUGGESTIONS,
        *,
        language: schemas.Language = "en",
    ) -> schemas.Suggested:
        """Suggest tags for an asset at the current library revision; decided tags are excluded."""
        found = self._loop.review.suggest(asset, profile)
        shown = replace(found, suggestions=found.suggestions[:top_k])
        return schemas.Suggested(
            suggestions=serializers.suggestions(shown, self._loop.taxonomy(), language),
            shown=self._loop.shown_tokens.write(shown),
        )

    def set_text(self, asset: int, text: schemas.Text) -> schemas.Asset:
        """Replace the text of an asset."""
        self._loop.review.set_text(self._user, asset, AssetText(**text.model_dump()))
        return self.get_many([asset])[0]

    def describe(self, asset: int, description: schemas.Description) -> schemas.Description:
        """Store a title, caption or alt text; empty parts are generated from the tags."""
        words = Description(description.language, description.title, description.caption, description.alt)
        found = self._loop.captions.write(self._user, asset, words)
        return serializers.description(found)

    def draft_description(self, asset: int, language: schemas.Language = "en") -> schemas.Description:
        """Draft a description with the generative model; nothing is stored."""
        return serializers.description(Captions(self._loop.captions.drafter.draft(self._user, asset, language), ()))

    def export(
        self,
        form: Format = Format.CSV,
        filters: schemas.Filters = EVERYTHING,
        columns: Sequence[str] = USUAL,
        *,
        language: schemas.Language = "en",
        image: str = "{name}",
    ) -> Iterator[bytes]:
        """Return the chunks of an export file of all assets that match the filters.

        Args:
            columns: For CSV.
            image: Image URL for Label Studio, with the placeholders {id}, {sha256} and {name}.
        """
        self.list(filters, limit=1)  # fail on an invalid filter before the response starts
        return export(self, by_filters(filters), form, columns=columns, language=language, image=image)

    def recorded_suggestions(self, asset: int) -> Sequence[schemas.Suggestion]:
        """Return the latest recorded suggestions of an asset, best first."""
        taxonomy = self.taxonomy
        with self._loop.database.read() as connection:
            profile = recorded_suggestions.profile_of(connection, asset)
            return serializers.suggestions(
                recorded_suggestions.recorded(connection, asset, profile), taxonomy, "en"
            )

    @property
    def taxonomy(self) -> Taxonomy:
        """The current taxonomy."""
        return self._loop.taxonomy()

    @property
    def model(self) -> str:
        """Fingerprint of the active model."""
        return self._loop.model.library.fingerprint

    def recommend(
        self,
        asset: int,
        filters: schemas.Filters = EVERYTHING,
        limit: int = 8,
        *,
        language: schemas.Language = "en",
    ) -> Sequence[schemas.Hit]:
        """Recommend assets similar to one, diverse and without near-duplicates."""
        return hits(
            self._loop, self._loop.search.recommend(asset, serializers.to_filters(filters), limit), language
        )
