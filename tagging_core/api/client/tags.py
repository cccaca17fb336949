"""Tags and profiles, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.api.client.connection import Resource, plain
from tagging_core.publishing import schemas


class TagsClient(Resource):
    """Operations on tags and profiles, over HTTP."""

    def list(
        self,
        query: str = "",
        category: str = "",
        cursor: str | None = None,
        *,
        limit: int = 200,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Tag]:
        """See `TagsOperations.list`."""
        parameters = {"query": query, "category": category, "cursor": cursor, "limit": limit, "language": language}
        return self._connection.send("GET", "/tags", schemas.Page[schemas.Tag], params=plain(parameters))

    def get(self, tag: str, language: schemas.Language = "en") -> schemas.Tag:
        """See `TagsOperations.get`."""
        return self._connection.send("GET", f"/tags/{tag}", schemas.Tag, params={"language": language})

    def profiles(self, language: schemas.Language = "en") -> Sequence[schemas.Profile]:
        """See `TagsOperations.profiles`."""
        return self._connection.send("GET", "/profiles", list[schemas.Profile], params={"language": language})
