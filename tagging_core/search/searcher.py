"""Searching: pictures are ranked by the probability that they are what a query asks for.

A query becomes classifiers (see `criteria`), so a relevance is a probability that means the same everywhere, and
the list ends where it becomes unlikely. Chroma proposes candidates, by the direction of each classifier's weights;
they are ranked exactly. Where filters leave few pictures, those are ranked without Chroma: an approximate index
loses what is rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Connection, select

from tagging_core.assets import repository as asset_module
from tagging_core.assets.repository import Asset
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.errors import SearchError
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.classifier import Examples
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.search.chroma_index import ChromaIndex
from tagging_core.search.criteria import Criteria, Criterion
from tagging_core.search.diversity import diversify
from tagging_core.search.filters import ANY, Filters, matching
from tagging_core.search.query import Query, read_query
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import assets, labels
from tagging_core.taxonomy.matching import TagNames

MIN_RELEVANCE = 0.03
"""Relevance below which a picture is no answer, for each thing it should be: what a tag has before a look at it."""

_OF_BEST = 15  # a picture that is so many times less likely than the best is none either
_FEW = 1_000  # pictures that filters may leave to be ranked without Chroma
_CANDIDATES = 120  # asked of Chroma at least: ranking by direction is a little off, and its search approximate
_LISTED = 20_000  # pictures that filters may leave to be named to Chroma; beyond that it is asked for ever more
_DEEPEST = 20_000
_LABELLED = 100  # pictures that people gave a tag, a sample, that are candidates whatever the model thinks


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that was found.

    Attributes:
        relevance: Probability in (0, 1) that it is what was asked for; almost 1 where people said so.
    """

    asset_id: int
    relevance: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        query: As it was understood.
        hits: Best first.
        understood: Whether the model reads the language of the words that name no tag.
    """

    query: Query
    hits: list[Hit]
    understood: bool = True


class Searcher:
    """Searches one installation's pictures.

    Args:
        database: The store of record.
        model: The tags' classifiers, and the encoder that reads words.
        index: Proposes candidates.
    """

    def __init__(self, database: Database, model: ActiveModel, index: ChromaIndex) -> None:
        self._database, self._library, self._index = database, model.library, index
        self._criteria = Criteria(database, model)
        self._names: tuple[int, TagNames] = (-1, TagNames([]))

    def find(
        self,
        text: str = "",
        like: Sequence[int] = (),
        unlike: Sequence[int] = (),
        filters: Filters = ANY,
        limit: int = 60,
        pictures: Sequence[Vectors] = (),
    ) -> Found:
        """Pictures that fit words, resemble some pictures, do not resemble others, and pass filters.

        Args:
            text: In any language, as far as it names tags; the rest in one that the model reads.
            like: Ids of pictures that answers should be like.
            unlike: Ids of pictures that they should not be like.
            limit: Answers at most.
            pictures: Vectors `(d,)` of further pictures that answers should be like.

        Raises:
            SearchError: A filter makes no sense, or a picture is not embedded yet.
            NotFoundError: A picture, tag or profile does not exist.
            BusyError: The index is not open yet.
        """
        self._index.require_served()
        matrix = self._library.matrix()
        query = read_query(self.names(matrix), matrix.taxonomy, text)
        understood = not query.rest or self._criteria.reads(query.rest)
        with self._database.read() as connection:
            examples = self._examples(connection, like, unlike, pictures)
            criteria = self._criteria.of(connection, matrix, query, examples)
            conditions = filters.conditions(matrix.taxonomy, key_values.zone_of(connection))
            if not criteria:
                return Found(query, self._by_text(connection, query, conditions, limit), understood)
            without = set(like) | set(unlike)
            candidates = self._candidates(connection, query, criteria, conditions, limit + len(without))
            chances = _rank(connection, criteria, {a: v for a, v in candidates.items() if a not in without})
        # One picture says little of what others have in common with it: then the nearest are shown, however far.
        least = MIN_RELEVANCE ** sum(each.things for each in criteria) if text.strip() else 0.0
        return Found(query, _cut(chances, limit, least), understood)

    def recommend(self, asset_id: int, filters: Filters = ANY, limit: int = 8) -> list[Hit]:
        """Pictures that resemble one, but neither it nor one another too much, best first."""
        found = self.find(like=[asset_id], filters=filters, limit=10 * limit).hits
        with self._database.read() as connection:
            known = vectors.load(connection, self._library.pictures, [asset_id, *(hit.asset_id for hit in found)])
        pool = [hit for hit in found if hit.asset_id in known]
        stacked = np.stack([known[a] for a in [asset_id, *(hit.asset_id for hit in pool)]])
        chosen = diversify(stacked, self._library.matrix().pack.centre(stacked), limit)
        return [pool[place - 1] for place in chosen]

    def latest(self, filters: Filters = ANY, limit: int = 50, before: int = 0) -> list[Asset]:
        """Return the assets that pass filters, latest first, without ranking.

        Args:
            filters: Which assets.
            limit: At most this many.
            before: Only assets with a lower id, for paging; 0 for all.
        """
        taxonomy = self._library.matrix().taxonomy
        with self._database.read() as connection:
            conditions = filters.conditions(taxonomy, key_values.zone_of(connection))
            query = select(assets).where(*conditions).order_by(assets.c.id.desc()).limit(limit)
            rows = connection.execute(query.where(assets.c.id < before) if before else query)
            return [asset_module.to_asset(row) for row in rows]

    def names(self, matrix: TagMatrix | None = None) -> TagNames:
        """The names of the tags in use, at the library's latest revision."""
        taxonomy = (matrix or self._library.matrix()).taxonomy
        if self._names[0] != taxonomy.revision:
            self._names = (taxonomy.revision, TagNames(taxonomy.active()))
        return self._names[1]

    # ---- what is asked ------------------------------------------------------------------------------------

    def _examples(
        self, connection: Connection, like: Sequence[int], unlike: Sequence[int], pictures: Sequence[Vectors]
    ) -> Examples | None:
        if not like and not unlike and not pictures:
            return None
        found = vectors.load(connection, self._library.pictures, [*like, *unlike])
        for asset_id in [*like, *unlike]:
            if asset_id not in found:
                asset_module.get(connection, asset_id)
                raise SearchError(f"Picture {asset_id} is not embedded by the model in use yet; try again later.")
        stacked = np.stack([*(found[a] for a in like), *pictures, *(found[a] for a in unlike)])
        right = np.array([1.0] * (len(like) + len(pictures)) + [0.0] * len(unlike))
        return Examples(self._library.pack(connection).centre(stacked), right, np.ones(len(right)))

    # ---- candidates ---------------------------------------------------------------------------------------

    def _candidates(
        self,
        connection: Connection,
        query: Query,
        criteria: list[Criterion],
        conditions: list[ColumnElement[bool]],
        limit: int,
    ) -> dict[int, Vectors]:
        """Vectors of pictures that may be among the best and pass the filters, by id."""
        passing: list[int] | None = None
        if conditions:
            few = select(assets.c.id).where(*conditions).limit(_LISTED + 1)
            passing = list(connection.execute(few).scalars())
            if len(passing) <= _FEW:
                return vectors.load(connection, self._library.pictures, passing)
        size = max(_CANDIDATES, 2 * limit)
        directions = np.vstack([each.directions for each in criteria])
        if passing is not None and len(passing) > _LISTED:
            near = self._near(connection, directions, conditions, size)
        else:
            near = {asset_id for found in self._index.nearest(directions, size, passing) for asset_id in found}
        spoken = self._labelled(connection, query.tag_ids)
        written = [a.id for a in asset_module.search_text(connection, query.rest)] if query.rest else []
        others = matching(connection, conditions, {*spoken, *written} - near)
        return vectors.load(connection, self._library.pictures, sorted(near | others))

    def _near(
        self, connection: Connection, directions: Vectors, conditions: list[ColumnElement[bool]], size: int
    ) -> set[int]:
        """The nearest that pass the filters: ever more are asked for until enough of them do."""
        wanted = size
        while True:
            lists = self._index.nearest(directions, size)
            passed = matching(connection, conditions, {asset_id for found in lists for asset_id in found})
            enough = all(len(passed & found.keys()) >= min(wanted, _CANDIDATES) for found in lists)
            if enough or size >= _DEEPEST or all(len(found) < size for found in lists):
                return passed
            size *= 4

    def _labelled(self, connection: Connection, tag_ids: list[str]) -> list[int]:
        found: list[int] = []
        for tag_id in tag_ids:
            query = select(labels.c.asset_id).where(labels.c.tag_id == tag_id, labels.c.value == 1)
            found += connection.execute(query.order_by(labels.c.sample).limit(_LABELLED)).scalars()
        return found

    def _by_text(
        self, connection: Connection, query: Query, conditions: list[ColumnElement[bool]], limit: int
    ) -> list[Hit]:
        """What remains where neither tags nor the model understand the words: pictures whose text has them.

        Without any words it is all that pass the filters, the latest first.
        """
        if not query.rest:
            ids = select(assets.c.id).where(*conditions).order_by(assets.c.id.desc()).limit(limit)
            return [Hit(asset_id, 1.0) for asset_id in connection.execute(ids).scalars()]
        found = [asset.id for asset in asset_module.find(connection, query.rest, limit=_DEEPEST)]
        passed = matching(connection, conditions, found)
        return [Hit(asset_id, 1.0) for asset_id in found if asset_id in passed][:limit]


def _rank(connection: Connection, criteria: list[Criterion], candidates: dict[int, Vectors]) -> dict[int, float]:
    if not candidates:
        return {}
    ids, pictures = list(candidates), np.stack(list(candidates.values()))
    chances = np.prod([each.chance(connection, pictures, ids) for each in criteria], axis=0)
    return dict(zip(ids, chances.tolist(), strict=True))


def _cut(chances: dict[int, float], limit: int, least: float) -> list[Hit]:
    """The best, up to where an answer becomes unlikely."""
    ranked = sorted(chances.items(), key=lambda each: (-each[1], -each[0]))[:limit]
    if not ranked:
        return []
    least = max(least, ranked[0][1] / _OF_BEST)
    return [Hit(asset_id, chance) for asset_id, chance in ranked if chance >= least]
