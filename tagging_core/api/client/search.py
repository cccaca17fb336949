"""Search, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.api.client.connection import Resource, filters_of, plain
from tagging_core.publishing import schemas
from tagging_core.publishing.schemas import EVERYTHING


class SearchClient(Resource):
    """Search operations, over HTTP."""

    def find(
        self,
        text: str = "",
        like: Sequence[int] = (),
        unlike: Sequence[int] = (),
        *,
        picture: bytes | None = None,
        filters: schemas.Filters = EVERYTHING,
        limit: int = 30,
        language: schemas.Language = "en",
    ) -> schemas.SearchResult:
        """See `SearchOperations.find`."""
        query = {"text": text, "like": list(like), "unlike": list(unlike), "limit": limit, "language": language}
        params = filters_of(filters) | plain(query)
        if picture is None:
            return self._connection.send("GET", "/search", schemas.SearchResult, params=params)
        files = [("picture", ("picture", picture))]
        return self._connection.send("POST", "/search", schemas.SearchResult, params=params, files=files)
