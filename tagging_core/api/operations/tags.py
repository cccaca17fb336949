"""Tags and profiles, in process."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.api.operations.paging import number
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User
from tagging_core.ledger import taxonomy_store
from tagging_core.publishing import schemas, serializers


class TagsOperations:
    """Operations on tags and profiles, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def list(
        self,
        query: str = "",
        category: str = "",
        cursor: str | None = None,
        *,
        limit: int = 200,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Tag]:
        """Return a page of tags, merged ones included; a query matches names and aliases fuzzily, best first."""
        taxonomy = self._loop.taxonomy()
        if query:
            within = [tag for tag in taxonomy.assignable() if category in ("", tag.category_id)]
            hits = self._loop.curation.tag_finder().find(query, limit=limit, within=within)
            found, start = [hit.tag for hit in hits], 0
        else:
            found, start = list(taxonomy.tags.values()), number(cursor or "0")
            found = [tag for tag in found if category in ("", tag.category_id)]
        found = found[start : start + limit + 1]
        with self._loop.database.read() as connection:
            counts = taxonomy_store.counts(connection, [tag.id for tag in found])
        shaped = [serializers.tag(tag, counts.get(tag.id, (0, 0)), language) for tag in found[:limit]]
        following = str(start + limit) if len(found) > limit else None
        return schemas.Page[schemas.Tag](items=shaped, next=following)

    def get(self, tag: str, language: schemas.Language = "en") -> schemas.Tag:
        """Return a tag by id; the id of a merged tag redirects to its target."""
        found = self._loop.taxonomy().tag(tag)
        with self._loop.database.read() as connection:
            counts = taxonomy_store.counts(connection, [found.id])
        return serializers.tag(found, counts.get(found.id, (0, 0)), language)

    def profiles(self, language: schemas.Language = "en") -> Sequence[schemas.Profile]:
        """Return all profiles (business types)."""
        return [
            schemas.Profile(id=p.id, name=p.name(language), instruction=p.instruction, categories=p.categories)
            for p in self._loop.taxonomy().profiles.values()
        ]
