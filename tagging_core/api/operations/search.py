"""Search, in process."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagging_core.app.tagloop import Tagloop
from tagging_core.assets import repository as asset_module
from tagging_core.common.users import User
from tagging_core.publishing import schemas, serializers
from tagging_core.publishing.schemas import EVERYTHING
from tagging_core.search import Hit


class SearchOperations:
    """Search operations, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

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
        """Search by text, by similarity to some assets and dissimilarity to others, and by filters.

        Args:
            text: Tag names in any language are recognised; the model encodes the rest.
            like: Ids of assets that results should resemble.
            unlike: Ids of assets that results should not resemble.
            picture: An image file that results should resemble; it is not stored.
        """
        vectors = (
            [np.asarray(self._loop.tagger.tag(self._user, picture, "general", keep=False).vector, np.float32)]
            if picture is not None
            else []
        )
        found = self._loop.search.find(
            text, like, unlike, filters=serializers.to_filters(filters), limit=limit, pictures=vectors
        )
        return schemas.SearchResult(
            hits=hits(self._loop, found.hits, language),
            tags=[list(group) for group in found.query.groups],
            words=found.query.rest,
            understood=found.understood,
            likely=found.likely,
            indexing=found.indexing,
        )


def hits(loop: Tagloop, found: Sequence[Hit], language: str) -> list[schemas.Hit]:
    """Return hits with their assets, in the same order."""
    with loop.database.read() as connection:
        known = asset_module.get_many(connection, [hit.asset_id for hit in found])
        shaped = {a.id: a for a in serializers.assets(connection, loop.taxonomy(), known, language=language)}
    return [
        schemas.Hit(asset=shaped[hit.asset_id], relevance=round(hit.relevance, 4))
        for hit in found
        if hit.asset_id in shaped
    ]
