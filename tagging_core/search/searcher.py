"""Search by text, examples and filters, ranked by the probability that a picture matches.

A query becomes classifiers (see `criteria`), so relevance is a probability comparable between queries, and the list
is cut off where it gets low relative to the best hit. Chroma proposes candidates, the nearest neighbours of each
classifier's weights, which are then ranked exactly. If filters leave few pictures, all of those are ranked without
Chroma, since an approximate index can miss rare ones.
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
from tagging_core.learning.suggestions import MIN_PROBABILITY
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
"""Minimum relevance of a hit, about a tag's prior probability; for a query of k concepts its k-th power."""

_OF_BEST = 15  # hits must be at least 1/15 as likely as the best; for a query of k concepts 1/(15 k)
_FEW = 1_000  # if at most this many pictures pass the filters, they are ranked without Chroma
_CANDIDATES = 120  # minimum asked of Chroma, whose order is only approximately that of relevance
_LISTED = 20_000  # if at most this many pass, Chroma gets their ids; otherwise its results are filtered
_DEEPEST = 20_000  # results after which Chroma is not asked for more
_LABELLED = 100  # accepted pictures per tag that are always candidates, a random sample


@dataclass(frozen=True, slots=True)
class Hit:
    """A search result.

    Attributes:
        relevance: Probability that the picture matches, almost 1 if its labels say so; 1 if hits are not ranked.
    """

    asset_id: int
    relevance: float

    @property
    def likely(self) -> bool:
        """Whether it is as likely as a tag must be to be suggested; a lower probability is not worth showing."""
        return self.relevance >= MIN_PROBABILITY


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a search.

    Attributes:
        query: The parsed query.
        hits: Best first.
        understood: Whether the model supports the language of the words that are not tag names.
        indexing: Whether pictures are still being added to the index, so that hits may be missing.
    """

    query: Query
    hits: list[Hit]
    understood: bool = True
    indexing: bool = False

    @property
    def likely(self) -> bool:
        """Whether the best hit is likely; if not, the hits are merely the closest pictures."""
        return bool(self.hits) and self.hits[0].likely


class Searcher:
    """Searches assets.

    Args:
        database: The store of record.
        model: The tags' classifiers, and the encoder for words.
        index: Finds candidates.
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
        *,
        filters: Filters = ANY,
        limit: int = 60,
        pictures: Sequence[Vectors] = (),
    ) -> Found:
        """Find assets by text, positive and negative examples, and filters.

        Args:
            text: Tag names in any language, other words in one that the model supports; empty for none.
            like: Ids of assets to resemble; they are not among the hits.
            unlike: Ids of assets not to resemble; likewise.
            filters: Conditions that every hit meets.
            limit: Maximum number of hits.
            pictures: Further vectors `(d,)` to resemble, for pictures outside the archive.

        Returns:
            The hits, best first, cut off where relevance gets low; without text and examples the latest assets.

        Raises:
            SearchError: A filter has an unknown value, or an example has not been embedded yet.
            NotFoundError: An example, tag or profile does not exist.
            BusyError: The index is not open yet, or is served by another process.
            UnreachableError: The server of the index does not answer.
            EncoderError: The text must be embedded and the encoder cannot be loaded.
        """
        self._index.require_served()
        indexing = self._lacks_pictures()
        matrix = self._library.matrix()
        query = read_query(self.names(matrix), matrix.taxonomy, text)
        understood = not query.rest or self._criteria.reads(query.rest)
        with self._database.read() as connection:
            examples = self._examples(connection, like, unlike, pictures=pictures)
            criteria = self._criteria.of(connection, matrix, query, examples=examples)
            conditions = filters.conditions(matrix.taxonomy, key_values.zone_of(connection))
            if not criteria:
                return Found(query, self._by_text(connection, query, conditions, limit=limit), understood)
            excluded = set(like) | set(unlike)
            candidates = self._candidates(
                connection, query, criteria, conditions=conditions, limit=limit + len(excluded)
            )
            chances = _rank(connection, criteria, {a: v for a, v in candidates.items() if a not in excluded})
        # Probabilities from a few examples are low: a search by pictures alone shows the nearest at any distance.
        things = sum(each.things for each in criteria)
        least = MIN_RELEVANCE**things if text.strip() else 0.0
        found = _cut(chances, limit, least=least, ratio=_OF_BEST * things)
        return Found(query, found, understood, indexing or self._lacks_pictures())

    def recommend(self, asset_id: int, filters: Filters = ANY, limit: int = 8) -> list[Hit]:
        """Return diverse assets that resemble one, without its near-duplicates.

        Args:
            asset_id: The asset to resemble.
            filters: Conditions that every hit meets.
            limit: Maximum number of hits.

        Returns:
            Hits in order of selection; none is a near-duplicate of the asset or of another hit.

        Raises:
            TaggingError: See `find`.
        """
        found = self.find(like=[asset_id], filters=filters, limit=10 * limit).hits
        with self._database.read() as connection:
            known = vectors.load(connection, self._library.pictures, [asset_id, *(hit.asset_id for hit in found)])
        pool = [hit for hit in found if hit.asset_id in known]
        stacked = np.stack([known[a] for a in [asset_id, *(hit.asset_id for hit in pool)]])
        chosen = diversify(stacked, self._library.matrix().pack.centre(stacked), limit)
        return [pool[place - 1] for place in chosen]

    def latest(self, filters: Filters = ANY, limit: int = 50, before: int = 0) -> list[Asset]:
        """Return the assets that pass filters, without ranking.

        Args:
            filters: Conditions that every asset meets.
            limit: Maximum number of assets.
            before: Only assets with a lower id, for paging; 0 for all.

        Returns:
            Assets by descending id, so the latest first.

        Raises:
            NotFoundError: A tag or the profile does not exist.
            SearchError: The category or state does not exist.
        """
        taxonomy = self._library.matrix().taxonomy
        with self._database.read() as connection:
            conditions = filters.conditions(taxonomy, key_values.zone_of(connection))
            query = select(assets).where(*conditions).order_by(assets.c.id.desc()).limit(limit)
            rows = connection.execute(query.where(assets.c.id < before) if before else query)
            return [asset_module.to_asset(row) for row in rows]

    def names(self, matrix: TagMatrix | None = None) -> TagNames:
        """Return the index of the active tags' names, cached by taxonomy revision.

        Args:
            matrix: Its taxonomy is used; None for the library's latest revision.

        Returns:
            Names and aliases in all languages.
        """
        taxonomy = (matrix or self._library.matrix()).taxonomy
        if self._names[0] != taxonomy.revision:
            self._names = (taxonomy.revision, TagNames(taxonomy.active()))
        return self._names[1]

    def _lacks_pictures(self) -> bool:
        return self._index.feeder.lacks_pictures(self._index.fingerprint)

    def _examples(
        self, connection: Connection, like: Sequence[int], unlike: Sequence[int], *, pictures: Sequence[Vectors]
    ) -> Examples | None:
        if not like and not unlike and not pictures:
            return None
        found = vectors.load(connection, self._library.pictures, [*like, *unlike])
        for asset_id in [*like, *unlike]:
            if asset_id not in found:
                asset_module.get(connection, asset_id)  # raises NotFoundError
                raise SearchError(f"Picture {asset_id} is not embedded by the active model yet; try again later.")
        stacked = np.stack([*(found[a] for a in like), *pictures, *(found[a] for a in unlike)])
        targets = np.array([1.0] * (len(like) + len(pictures)) + [0.0] * len(unlike))
        return Examples(self._library.pack(connection).centre(stacked), targets, np.ones(len(targets)))

    def _candidates(
        self,
        connection: Connection,
        query: Query,
        criteria: list[Criterion],
        *,
        conditions: list[ColumnElement[bool]],
        limit: int,
    ) -> dict[int, Vectors]:
        """Return vectors, by asset id, of likely matches that pass the filters."""
        passing: list[int] | None = None
        if conditions:
            few = select(assets.c.id).where(*conditions).limit(_LISTED + 1)
            passing = list(connection.execute(few).scalars())
            if len(passing) <= _FEW:
                return vectors.load(connection, self._library.pictures, passing)
        size = max(_CANDIDATES, 2 * limit)
        directions = np.vstack([each.directions for each in criteria])
        if passing is not None and len(passing) > _LISTED:
            near = self._near(connection, directions, conditions, size=size)
        else:
            near = {asset_id for found in self._index.nearest(directions, size, passing) for asset_id in found}
        accepted = self._labelled(connection, query.tag_ids)
        by_text = [a.id for a in asset_module.search_text(connection, query.rest)] if query.rest else []
        others = matching(connection, conditions, {*accepted, *by_text} - near)
        return vectors.load(connection, self._library.pictures, sorted(near | others))

    def _near(
        self, connection: Connection, directions: Vectors, conditions: list[ColumnElement[bool]], *, size: int
    ) -> set[int]:
        """Return near neighbours that pass the filters, asking the index for more until enough do."""
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
        self, connection: Connection, query: Query, conditions: list[ColumnElement[bool]], *, limit: int
    ) -> list[Hit]:
        """Search texts and names for words that the model does not support; without words list the latest."""
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


def _cut(chances: dict[int, float], limit: int, *, least: float, ratio: float) -> list[Hit]:
    """Return hits of at least a probability, and at most `ratio` times less likely than the best."""
    ranked = sorted(chances.items(), key=lambda each: (-each[1], -each[0]))[:limit]
    if not ranked:
        return []
    least = max(least, ranked[0][1] / ratio)
    return [Hit(asset_id, chance) for asset_id, chance in ranked if chance >= least]
