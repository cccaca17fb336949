"""Assets, in process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tagging_core.api.operations.paging import number, page
from tagging_core.api.operations.search import hits
from tagging_core.app.tagloop import Tagloop
from tagging_core.assets import files as archives
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
    """Assets as one user.

    Args:
        loop: The installation.
        user: As whom everything is done.
    """

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def get(self, asset: int | str, language: schemas.Language = "en") -> schemas.Asset:
        """A picture by id, or by 8 or more digits of its SHA-256."""
        with self._loop.database.read() as connection:
            found = asset_module.resolve(connection, str(asset))
            return serializers.assets(connection, self._loop.taxonomy(), [found], language)[0]

    def get_many(self, asset_ids: Sequence[int], language: schemas.Language = "en") -> Sequence[schemas.Asset]:
        """Pictures by id, in the order asked for; unknown ones are left out."""
        with self._loop.database.read() as connection:
            found = asset_module.get_many(connection, asset_ids)
            return serializers.assets(connection, self._loop.taxonomy(), found, language)

    def list(
        self,
        filters: schemas.Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = 50,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Asset]:
        """Pictures, the latest first."""
        found = self._loop.search.latest(serializers.to_filters(filters), limit + 1, number(cursor or "0"))
        with self._loop.database.read() as connection:
            shaped = serializers.assets(connection, self._loop.taxonomy(), found, language)
        return page(shaped, limit, lambda asset: asset.id)

    def picture(self, asset: int, rendition: Rendition = "screen") -> bytes:
        """A picture's file: as it came, or a JPEG of at most 1,400 or 320 pixels a side."""
        with self._loop.database.read() as connection:
            found = asset_module.get(connection, asset)
        archive = self._loop.resources.images
        archive.repair(found.sha256, self._loop.settings.max_pixels)
        try:
            return archive.read(archives.Rendition(rendition), found.sha256)
        except OSError as error:
            raise NotFoundError(f"The file of picture {asset} is missing; `doctor` tells what to do.") from error

    def suggestions(
        self, asset: int, profile: str = "general", top_k: int = MAX_SUGGESTIONS, language: schemas.Language = "en"
    ) -> schemas.Suggested:
        """What the library suggests for a picture now; decided tags are left out."""
        found = self._loop.review.suggest(asset, profile)
        shown = replace(found, suggestions=found.suggestions[:top_k])
        return schemas.Suggested(
            suggestions=serializers.suggestions(shown, self._loop.taxonomy(), language),
            shown=self._loop.shown_tokens.write(shown),
        )

    def set_text(self, asset: int, text: schemas.Text) -> schemas.Asset:
        """Replace the text that belongs to a picture."""
        self._loop.review.set_text(self._user, asset, AssetText(**text.model_dump()))
        return self.get_many([asset])[0]

    def describe(self, asset: int, description: schemas.Description) -> schemas.Description:
        """Write a title, caption or alt text; a part that is empty follows the tags."""
        words = Description(description.language, description.title, description.caption, description.alt)
        found = self._loop.captions.write(self._user, asset, words)
        return serializers.description(found)

    def draft_description(self, asset: int, language: schemas.Language = "en") -> schemas.Description:
        """What the generative model that is set would write; nothing is kept."""
        return serializers.description(Captions(self._loop.captions.drafter.draft(self._user, asset, language), ()))

    def export(
        self,
        form: Format = Format.CSV,
        filters: schemas.Filters = EVERYTHING,
        columns: Sequence[str] = USUAL,
        language: schemas.Language = "en",
        image: str = "{name}",
    ) -> Iterator[bytes]:
        """The parts of a file of all pictures that pass filters.

        Args:
            columns: Of a CSV.
            image: Where Label Studio finds a picture; {id}, {sha256} and {name} are put in.
        """
        self.list(filters, limit=1)  # a filter that makes no sense is told before anything is sent
        return export(self, by_filters(filters), form, columns, language, image)

    def recorded_suggestions(self, asset: int) -> Sequence[schemas.Suggestion]:
        """What was last suggested for a picture under any profile, best first."""
        taxonomy = self.taxonomy
        with self._loop.database.read() as connection:
            profile = recorded_suggestions.profile_of(connection, asset)
            return serializers.suggestions(
                recorded_suggestions.recorded(connection, asset, profile), taxonomy, "en"
            )

    @property
    def taxonomy(self) -> Taxonomy:
        """The tag library as it stands."""
        return self._loop.taxonomy()

    @property
    def model(self) -> str:
        """The fingerprint of the model in use."""
        return self._loop.model.library.fingerprint

    def recommend(
        self, asset: int, filters: schemas.Filters = EVERYTHING, limit: int = 8, language: schemas.Language = "en"
    ) -> Sequence[schemas.Hit]:
        """Pictures to show beside one: they resemble it, but neither it nor one another too much."""
        return hits(
            self._loop, self._loop.search.recommend(asset, serializers.to_filters(filters), limit), language
        )
