"""Assets, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tagging_core.api.client.connection import Resource, filters_of, plain, refused
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.publishing import schemas
from tagging_core.publishing.exports.exporter import Format
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.publishing.schemas import EVERYTHING, Rendition


class AssetsClient(Resource):
    """Operations on assets, over HTTP."""

    def get(self, asset: int | str, language: schemas.Language = "en") -> schemas.Asset:
        """See `AssetsOperations.get`."""
        return self._connection.send("GET", f"/assets/{asset}", schemas.Asset, params={"language": language})

    def list(
        self,
        filters: schemas.Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = 50,
        *,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Asset]:
        """See `AssetsOperations.list`."""
        query = filters_of(filters) | plain({"cursor": cursor, "limit": limit, "language": language})
        return self._connection.send("GET", "/assets", schemas.Page[schemas.Asset], params=query)

    def picture(self, asset: int, rendition: Rendition = "screen") -> bytes:
        """See `AssetsOperations.picture`."""
        return self._connection.ask("GET", f"/assets/{asset}/picture", params={"rendition": rendition}).content

    def suggestions(
        self,
        asset: int,
        profile: str = "general",
        top_k: int = MAX_SUGGESTIONS,
        *,
        language: schemas.Language = "en",
    ) -> schemas.Suggested:
        """See `AssetsOperations.suggestions`."""
        query = plain({"profile": profile, "top_k": top_k, "language": language})
        return self._connection.send("GET", f"/assets/{asset}/suggestions", schemas.Suggested, params=query)

    def set_text(self, asset: int, text: schemas.Text) -> schemas.Asset:
        """See `AssetsOperations.set_text`."""
        return self._connection.send("PUT", f"/assets/{asset}/text", schemas.Asset, json=text.model_dump())

    def describe(self, asset: int, description: schemas.Description) -> schemas.Description:
        """See `AssetsOperations.describe`."""
        body = description.model_dump()
        return self._connection.send("PUT", f"/assets/{asset}/description", schemas.Description, json=body)

    def draft_description(self, asset: int, language: schemas.Language = "en") -> schemas.Description:
        """See `AssetsOperations.draft_description`."""
        query = {"language": language}
        return self._connection.send(
            "POST", f"/assets/{asset}/description/draft", schemas.Description, params=query
        )

    def export(
        self,
        form: Format = Format.CSV,
        filters: schemas.Filters = EVERYTHING,
        columns: Sequence[str] = USUAL,
        *,
        language: schemas.Language = "en",
        image: str = "{name}",
    ) -> Iterator[bytes]:
        """See `AssetsOperations.export`."""
        query = {"format": form, "columns": list(columns), "language": language, "image": image}
        with self._connection.http.stream("GET", "export", params=filters_of(filters) | query) as answer:
            if not answer.is_success:
                answer.read()
                raise refused(answer)
            yield from answer.iter_bytes()

    def recommend(
        self,
        asset: int,
        filters: schemas.Filters = EVERYTHING,
        limit: int = 8,
        *,
        language: schemas.Language = "en",
    ) -> Sequence[schemas.Hit]:
        """See `AssetsOperations.recommend`."""
        query = filters_of(filters) | plain({"limit": limit, "language": language})
        return self._connection.send("GET", f"/assets/{asset}/recommendations", list[schemas.Hit], params=query)
