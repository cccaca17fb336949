"""What a query asks of a picture, as classifiers like those of tags.

Words that name tags use the tags' classifiers, with what people decided. The model also reads the words as they
stand, as it would read a new tag's prompts, since a name may be narrower than its tag ("handbag" of Bag) and words
around it may change what it means ("wine glass"); the more was decided about a tag, the less that counts. Pictures
that answers should be like, or unlike, teach a classifier as decisions teach a tag.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from tagging_core.assets import repository
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors, unit
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.classifier import Examples, Floats, TagModel, fit_tag, sigmoid
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.search.query import Query
from tagging_core.storage import Database
from tagging_core.storage.schema import labels, learned

Chance = Callable[[Connection, Vectors, list[int]], Floats]

_AFTER_LATIN = "\u0250"  # the first character after the Latin letters, with their accents
_SPOKEN = 0.001  # within so much of 1 lies the relevance of pictures that people gave a tag
_IN_TEXT = 2.5  # logit for a picture whose text has the words, as for a tag that its text names
_DECISIONS = 4  # about a tag, after which its classifier counts twice as much as the model's reading of its name
_UNSURE = 0.02  # a tag says no more than this of what it is only a part of


@dataclass(frozen=True, slots=True)
class Criterion:
    """Something that a picture must be.

    Attributes:
        directions: `(k, d)` unit vectors along which pictures lie that fit.
        chance: Probability in (0, 1) that pictures `(n, d)` of some ids fit.
        things: How many things it asks for at once.
    """

    directions: Vectors
    chance: Chance
    things: int = 1


class Criteria:
    """Makes criteria of queries.

    Args:
        database: Keeps the vectors of sentences.
        model: The tags' classifiers, and the encoder that reads words.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._library = database, model.library
        self._preset, self._encoder = model.preset, model.encoder

    def reads(self, words: str) -> bool:
        """Whether the model reads these words; letters outside Latin script take a model that says so."""
        return max(words) < _AFTER_LATIN or "en" not in self._preset.languages or len(self._preset.languages) > 1

    def of(
        self, connection: Connection, matrix: TagMatrix, query: Query, examples: Examples | None
    ) -> list[Criterion]:
        """What a query asks for, all at once; empty if neither words nor pictures say anything."""
        spoken = query.phrase if query.phrase and self.reads(query.phrase) else ""
        named = _Named.of(connection, matrix, query.groups)
        if named is None:
            return [self._free(matrix, spoken, query.rest, examples)] if spoken or examples is not None else []
        found = [self._mixed(matrix, named, spoken, query.rest) if spoken else named.criterion()]
        return found if examples is None else [*found, self._free(matrix, "", "", examples)]

    def _free(self, matrix: TagMatrix, phrase: str, words: str, examples: Examples | None) -> Criterion:
        """What the model reads in a phrase and sees in examples."""
        model, logits = self._reading(matrix, phrase, words, examples)

        def chance(connection: Connection, pictures: Vectors, asset_ids: list[int]) -> Floats:
            return np.asarray(sigmoid(logits(connection, pictures, asset_ids)))

        return Criterion(unit(model.weights[None]), chance)

    def _mixed(self, matrix: TagMatrix, named: _Named, phrase: str, words: str) -> Criterion:
        """Tags, and what the model reads in the whole phrase."""
        model, logits = self._reading(matrix, phrase, words, None)
        share = 0.5 if words else 1 / (2 + named.decisions / _DECISIONS)

        def chance(connection: Connection, pictures: Vectors, asset_ids: list[int]) -> Floats:
            tags, settled = named.chance(connection, pictures, asset_ids)
            if words:
                tags = np.clip(tags, _UNSURE, 1 - _UNSURE)
            read = logits(connection, pictures, asset_ids)
            both = sigmoid((1 - share) * np.log(tags / (1 - tags)) + share * read)
            return np.asarray(both if words else np.where(settled, tags, both))

        directions = np.vstack([named.directions, unit(model.weights[None])])
        return Criterion(directions, chance, named.things + bool(words))

    def _reading(
        self, matrix: TagMatrix, phrase: str, words: str, examples: Examples | None
    ) -> tuple[TagModel, Chance]:
        """The classifier of a phrase and examples, and its calibrated logits; more where texts have the words."""
        dimension = len(matrix.pack.mean)
        none = Examples(np.zeros((0, dimension), np.float32), np.zeros(0), np.zeros(0))
        text = self._embed(phrase) if phrase else np.zeros(dimension, np.float32)
        model = fit_tag(text, examples or none, matrix.pack, self._preset.learner).model
        slopes, shifts = matrix.calibration.of([""], [""])

        def logits(connection: Connection, pictures: Vectors, asset_ids: list[int]) -> Floats:
            found = model.logits(matrix.pack.centre(pictures)) * slopes + shifts
            if words:
                having = set(repository.with_words(connection, words, asset_ids))
                found = found + _IN_TEXT * np.array([asset_id in having for asset_id in asset_ids], np.float64)
            return np.asarray(found, np.float64)

        return model, logits

    def _embed(self, phrase: str) -> Vectors:
        templates = self._preset.templates or ("a photo of {}", "a photo of a {}")
        prompts = [template.format(phrase) for template in templates]
        return vectors.sentences(self._database, self._encoder, self._library.fingerprint, [prompts])[0]


@dataclass(frozen=True, slots=True)
class _Named:
    """Tags that a query names: of each group, any will do.

    Attributes:
        decisions: Made about the least known of the groups.
    """

    matrix: TagMatrix
    groups: list[list[str]]
    decisions: int

    @staticmethod
    def of(connection: Connection, matrix: TagMatrix, groups: Sequence[Sequence[str]]) -> _Named | None:
        """None if no tag of any group was fitted."""
        fitted = [kept for group in groups if (kept := [t for t in group if t in matrix.rows])]
        if not fitted:
            return None
        tag_ids = [t for group in fitted for t in group]
        counted = select(learned.c.tag_id, func.max(learned.c.positives + learned.c.negatives).label("n"))
        rows = connection.execute(counted.where(learned.c.tag_id.in_(tag_ids)).group_by(learned.c.tag_id))
        decided = {row.tag_id: int(row.n) for row in rows}
        return _Named(matrix, fitted, min(max(decided.get(t, 0) for t in group) for group in fitted))

    @property
    def things(self) -> int:
        return len(self.groups)

    @property
    def directions(self) -> Vectors:
        """Of each tag, and of all groups together, which lies in none of the single directions' first ranks."""
        weights = [
            [self.matrix.changed.get(row, self.matrix.base[row]) for t in group for row in [self.matrix.rows[t]]]
            for group in self.groups
        ]
        single = unit(np.stack([each for group in weights for each in group]))
        if len(self.groups) == 1:
            return single
        together = [unit(np.sum(group, axis=0)) for group in weights]
        return np.vstack([single, unit(np.sum(together, axis=0))])

    def criterion(self) -> Criterion:
        return Criterion(self.directions, lambda *asked: self.chance(*asked)[0], self.things)

    def chance(self, connection: Connection, pictures: Vectors, asset_ids: list[int]) -> tuple[Floats, np.ndarray]:
        """Probability `(n,)`, and whether people settled it, by ruling one out or by giving all."""
        chances, given = np.ones(len(asset_ids)), np.ones(len(asset_ids), bool)
        for group in self.groups:
            found = np.stack([self.matrix.probability_of(tag_id, pictures) for tag_id in group])
            said = _said(connection, group, asset_ids)
            # What many people gave a tag comes in the order in which the library is sure of it.
            found = np.where(np.isnan(said), found, said * (1 - _SPOKEN * (1 - found)))
            chances *= found.max(axis=0)
            given &= (said == 1).any(axis=0)
        return np.clip(chances, 1e-9, 1 - 1e-9), given | (chances == 0)


def _said(connection: Connection, tag_ids: list[str], asset_ids: list[int]) -> Floats:
    """What people said, `(t, n)`: 1 where the tag applies, 0 where it does not, NaN where nobody did."""
    found = np.full((len(tag_ids), len(asset_ids)), np.nan)
    rows = {tag_id: row for row, tag_id in enumerate(tag_ids)}
    columns = {asset_id: column for column, asset_id in enumerate(asset_ids)}
    query = select(labels.c.asset_id, labels.c.tag_id, labels.c.value)
    for each in connection.execute(query.where(labels.c.tag_id.in_(tag_ids), labels.c.asset_id.in_(asset_ids))):
        found[rows[each.tag_id], columns[each.asset_id]] = each.value
    return found
