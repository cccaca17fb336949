"""Searching: a query becomes a classifier like a tag's, and pictures are ranked by their probability under it.

Words that name tags use the tags' own classifiers, with what people decided; other words are read by the model as a
new tag's prompt would be; pictures that should be alike, or unlike, teach the query as decisions teach a tag. So a
relevance is a probability that means the same everywhere, and the list ends where it becomes unlikely.

Chroma proposes candidates, by the direction of each classifier's weights; they are ranked exactly. Where filters
leave few pictures, those are ranked without Chroma: an approximate index loses what is rare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, Connection, select

from tagging_core import assets as asset_module
from tagging_core import vectors
from tagging_core.chroma import ChromaIndex
from tagging_core.encoders import Encoder, Preset, Vectors, unit
from tagging_core.errors import SearchError
from tagging_core.insights import days
from tagging_core.learner import Examples, Floats, TagModel, fit_tag, sigmoid
from tagging_core.library import Library
from tagging_core.search.filters import ANY, Filters, matching
from tagging_core.search.query import Query, read_query
from tagging_core.search.variety import varied
from tagging_core.store import Database
from tagging_core.store.tables import assets, labels
from tagging_core.tag_matrix import TagMatrix
from tagging_core.tag_names import TagNames

LEAST = 0.03
"""Relevance below which a picture is no answer, for each thing it should be: what a tag has before a look at it."""

_OF_BEST = 15  # a picture that is so many times less likely than the best is none either
_FEW = 1_000  # pictures that filters may leave to be ranked without Chroma
_CANDIDATES = 120  # asked of Chroma at least: ranking by direction is a little off, and its search approximate
_DEEPEST = 20_000
_AFTER_LATIN = "\u0250"  # the first character after the Latin letters, with their accents
_LABELLED = 100  # pictures that people gave a tag, a sample, that are candidates whatever the model thinks
_SPOKEN = 0.001  # within so much of 1 lies the relevance of pictures that people gave a tag
_IN_TEXT = 2.5  # logit for a picture whose text has the words, as for a tag that its text names


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


@dataclass(frozen=True, slots=True)
class _Part:
    """One thing that a picture must be: any of some classifiers will do."""

    models: list[TagModel]
    chance: Callable[[Vectors, list[int]], Floats]


class Searcher:
    """Searches one installation's pictures.

    Args:
        database: The store of record.
        library: The tags' classifiers.
        index: Proposes candidates.
        preset: The encoder's constants.
        encoder: Gives the loaded encoder, for words.
    """

    def __init__(
        self,
        database: Database,
        library: Library,
        index: ChromaIndex,
        preset: Preset,
        encoder: Callable[[], Encoder],
    ) -> None:
        self._database, self._library, self._index = database, library, index
        self._preset, self._encoder = preset, encoder
        self._names: tuple[int, TagNames] = (-1, TagNames([]))

    def search(
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
        matrix = self._library.matrix()
        query = read_query(self.names(matrix), matrix.taxonomy, text)
        understood = not query.rest or self._reads(query.rest)
        with self._database.read() as connection:
            examples = self._examples(connection, like, unlike, pictures)
            parts = self._parts(connection, matrix, query, understood, examples)
            conditions = filters.conditions(matrix.taxonomy, days.zone_of(connection))
            if not parts:
                return Found(query, self._by_text(connection, query, conditions, limit), understood)
            without = set(like) | set(unlike)
            candidates = self._candidates(connection, query, parts, conditions, limit + len(without))
            chances = self._rank(parts, {a: v for a, v in candidates.items() if a not in without})
        # One picture says little of what others have in common with it: then the nearest are shown, however far.
        least = LEAST ** len(parts) if text.strip() else 0.0
        return Found(query, _cut(chances, limit, least), understood)

    def similar(self, asset_id: int, filters: Filters = ANY, limit: int = 24) -> list[Hit]:
        """Pictures that resemble one, best first."""
        return self.search(like=[asset_id], filters=filters, limit=limit).hits

    def recommend(self, asset_id: int, filters: Filters = ANY, limit: int = 8) -> list[Hit]:
        """Pictures that resemble one, but neither it nor one another too much, best first."""
        found = self.similar(asset_id, filters, limit=10 * limit)
        with self._database.read() as connection:
            known = vectors.load(
                connection, self._library.fingerprint, [asset_id, *(hit.asset_id for hit in found)]
            )
        pool = [hit for hit in found if hit.asset_id in known]
        stacked = np.stack([known[a] for a in [asset_id, *(hit.asset_id for hit in pool)]])
        chosen = varied(stacked, self._library.matrix().pack.centre(stacked), limit)
        return [pool[place - 1] for place in chosen]

    def names(self, matrix: TagMatrix | None = None) -> TagNames:
        """The names of the tags in use, at the library's latest revision."""
        taxonomy = (matrix or self._library.matrix()).taxonomy
        if self._names[0] != taxonomy.revision:
            self._names = (taxonomy.revision, TagNames(taxonomy.active()))
        return self._names[1]

    # ---- what is asked ------------------------------------------------------------------------------------

    def _reads(self, words: str) -> bool:
        """Whether the model reads these words; letters outside Latin script take a model that says so."""
        return max(words) < _AFTER_LATIN or "en" not in self._preset.languages or len(self._preset.languages) > 1

    def _examples(
        self, connection: Connection, like: Sequence[int], unlike: Sequence[int], pictures: Sequence[Vectors]
    ) -> Examples | None:
        if not like and not unlike and not pictures:
            return None
        found = vectors.load(connection, self._library.fingerprint, [*like, *unlike])
        for asset_id in [*like, *unlike]:
            if asset_id not in found:
                asset_module.get(connection, asset_id)
                raise SearchError(f"Picture {asset_id} is not embedded by the model in use yet; try again later.")
        stacked = np.stack([*(found[a] for a in like), *pictures, *(found[a] for a in unlike)])
        right = np.array([1.0] * (len(like) + len(pictures)) + [0.0] * len(unlike))
        return Examples(self._library.pack(connection).centre(stacked), right, np.ones(len(right)))

    def _parts(
        self, connection: Connection, matrix: TagMatrix, query: Query, understood: bool, examples: Examples | None
    ) -> list[_Part]:
        parts = [part for group in query.groups if (part := _tag_part(connection, matrix, group)) is not None]
        words = query.rest if understood else ""
        if words or examples is not None:
            parts.append(self._free_part(connection, matrix, words, examples))
        return parts

    def _free_part(self, connection: Connection, matrix: TagMatrix, words: str, examples: Examples | None) -> _Part:
        dimension = len(matrix.pack.mean)
        text = self._text(words) if words else np.zeros(dimension, np.float32)
        none = Examples(np.zeros((0, dimension), np.float32), np.zeros(0), np.zeros(0))
        model = fit_tag(text, examples or none, matrix.pack, self._preset.learner).model
        slopes, shifts = matrix.calibration.of([""], [""])

        def chance(pictures: Vectors, asset_ids: list[int]) -> Floats:
            logits = model.logits(matrix.pack.centre(pictures)) * slopes + shifts
            if words:
                found = set(asset_module.with_words(connection, words, asset_ids))
                logits = logits + _IN_TEXT * np.array([asset_id in found for asset_id in asset_ids], np.float64)
            return np.asarray(sigmoid(logits))

        return _Part([model], chance)

    def _text(self, words: str) -> Vectors:
        return vectors.sentences(
            self._database, self._encoder, self._library.fingerprint, [[f"a photo of {words}"]]
        )[0]

    # ---- candidates ---------------------------------------------------------------------------------------

    def _candidates(
        self,
        connection: Connection,
        query: Query,
        parts: list[_Part],
        conditions: list[ColumnElement[bool]],
        limit: int,
    ) -> dict[int, Vectors]:
        """Vectors of pictures that may be among the best and pass the filters, by id."""
        if conditions:
            few = select(assets.c.id).where(*conditions).limit(_FEW + 1)
            ids = list(connection.execute(few).scalars())
            if len(ids) <= _FEW:
                return vectors.load(connection, self._library.fingerprint, ids)
        near = self._near(connection, parts, conditions, max(_CANDIDATES, 2 * limit))
        spoken = self._labelled(connection, query.tag_ids)
        written = [a.id for a in asset_module.search_text(connection, query.rest)] if query.rest else []
        others = matching(connection, conditions, {*spoken, *written} - near)
        return vectors.load(connection, self._library.fingerprint, sorted(near | others))

    def _near(
        self, connection: Connection, parts: list[_Part], conditions: list[ColumnElement[bool]], wanted: int
    ) -> set[int]:
        """The nearest that pass the filters: ever more are asked for until enough of them do."""
        directions = unit(np.stack([model.weights for part in parts for model in part.models]))
        if len(parts) > 1:  # what is all of it at once lies in none of the single directions' first ranks
            together = [unit(np.sum([model.weights for model in part.models], axis=0)) for part in parts]
            directions = np.vstack([directions, unit(np.sum(together, axis=0))])
        size = wanted
        while True:
            lists = self._index.nearest(directions, size)
            asked = {asset_id for found in lists for asset_id in found}
            passed = matching(connection, conditions, asked)
            enough = all(len(passed & found.keys()) >= min(wanted, _CANDIDATES) for found in lists)
            if not conditions or enough or size >= _DEEPEST or all(len(found) < size for found in lists):
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

    def _rank(self, parts: list[_Part], candidates: dict[int, Vectors]) -> dict[int, float]:
        if not candidates:
            return {}
        ids, pictures = list(candidates), np.stack(list(candidates.values()))
        chances = np.prod([part.chance(pictures, ids) for part in parts], axis=0)
        return dict(zip(ids, chances.tolist(), strict=True))


def _tag_part(connection: Connection, matrix: TagMatrix, group: Sequence[str]) -> _Part | None:
    """Pictures that have any of some tags; None if none of these was fitted."""
    rows = {t: matrix.rows[t] for t in group if t in matrix.rows}
    if not rows:
        return None
    weights = {t: matrix.changed.get(row, matrix.base[row]) for t, row in rows.items()}
    models = [TagModel(weights[t], float(matrix.biases[row])) for t, row in rows.items()]

    def chance(pictures: Vectors, asset_ids: list[int]) -> Floats:
        found = np.stack([matrix.probability_of(tag_id, pictures) for tag_id in rows])
        columns = {asset_id: column for column, asset_id in enumerate(asset_ids)}
        said = _said(connection, list(rows), asset_ids)
        for place, tag_id in enumerate(rows):
            for asset_id, value in said.get(tag_id, {}).items():
                # What many people gave a tag comes in the order in which the library is sure of it.
                here = place, columns[asset_id]
                found[here] = value * (1 - _SPOKEN * (1 - found[here]))
        return np.asarray(found.max(axis=0))

    return _Part(models, chance)


def _said(connection: Connection, tag_ids: list[str], asset_ids: list[int]) -> dict[str, dict[int, int]]:
    """What people said by tag and picture: 1 where the tag applies, 0 where it does not."""
    query = select(labels.c.asset_id, labels.c.tag_id, labels.c.value)
    mine = labels.c.tag_id.in_(tag_ids), labels.c.asset_id.in_(asset_ids)
    found: dict[str, dict[int, int]] = {}
    for row in connection.execute(query.where(*mine)):
        found.setdefault(row.tag_id, {})[row.asset_id] = row.value
    return found


def _cut(chances: dict[int, float], limit: int, least: float) -> list[Hit]:
    """The best, up to where an answer becomes unlikely."""
    ranked = sorted(chances.items(), key=lambda each: (-each[1], -each[0]))[:limit]
    if not ranked:
        return []
    least = max(least, ranked[0][1] / _OF_BEST)
    return [Hit(asset_id, chance) for asset_id, chance in ranked if chance >= least]
