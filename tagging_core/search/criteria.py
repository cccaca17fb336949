"""Search criteria: a query is turned into classifiers like those of tags.

Words that name tags use the tags' classifiers and people's decisions. The whole phrase is also embedded, like the
prompts of a new tag, since a name can be narrower than its tag ("handbag" for Bag) and the words around it can
change its meaning ("wine glass"); the more a tag has learned, from decisions or before delivery, the less that
counts. Positive and negative example pictures fit a classifier the way decisions fit a tag's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from tagging_core.assets import repository
from tagging_core.embeddings.encoders import Vectors, unit
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.classifier import Examples, Floats, TagModel, fit_tag, sigmoid
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.search.query import Query
from tagging_core.storage import Database
from tagging_core.storage.schema import labels, learned

Chance = Callable[[Connection, Vectors, list[int]], Floats]

_AFTER_LATIN = "\u0250"  # the first character after the Latin letters, with their accents
_LABEL_MARGIN = 0.001  # accepted pictures have a relevance in [1 - margin, 1], ranked by the classifier
_IN_TEXT = 2.5  # logit added if the picture's text contains the words, as for a tag named in a text
_DECISIONS = 4  # decisions after which a tag's classifier weighs twice as much as the embedded phrase
_STARTER_PHOTOS = 48
"""Photos of a learned starter that count as one decision, since few of them show any one tag.

With the built-in model's starter of 563 photos the phrase's share is .2. On photos like the starter's, queries of
two tags rank best at 0 to .2 (mAP .62 to .63; .59 at .5), on photos of another source at .15 to .3 (.45).
"""
_UNSURE = 0.02  # probabilities of tags are clipped this far from 0 and 1 if they cover only part of the phrase


@dataclass(frozen=True, slots=True)
class Criterion:
    """A condition that pictures meet with some probability.

    Attributes:
        directions: `(k, d)` unit vectors for finding candidates in the index.
        chance: Returns the probability `(n,)` in (0, 1) that pictures `(n, d)` with these ids meet it.
        things: Number of concepts that it combines.
    """

    directions: Vectors
    chance: Chance
    things: int = 1


class Criteria:
    """Turns queries into criteria.

    Args:
        database: Caches text embeddings.
        model: The tags' classifiers, and the encoder for words.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._library = database, model.library
        self._preset, self._encoder = model.preset, model.encoder

    def reads(self, words: str) -> bool:
        """Whether the model supports the words' script: Latin always, others unless it is English-only."""
        return max(words) < _AFTER_LATIN or "en" not in self._preset.languages or len(self._preset.languages) > 1

    def of(
        self, connection: Connection, matrix: TagMatrix, query: Query, *, examples: Examples | None
    ) -> list[Criterion]:
        """Return criteria that must all be met; empty if there are neither usable words nor examples."""
        phrase = query.phrase if query.phrase and self.reads(query.phrase) else ""
        named = _NamedTags.of(connection, matrix, query.groups)
        if named is None:
            return (
                [self._untagged(matrix, phrase, query.rest, examples=examples)]
                if phrase or examples is not None
                else []
            )
        found = [self._combined(matrix, named, phrase, words=query.rest) if phrase else named.criterion()]
        return found if examples is None else [*found, self._untagged(matrix, "", "", examples=examples)]

    def _untagged(self, matrix: TagMatrix, phrase: str, words: str, *, examples: Examples | None) -> Criterion:
        """Return a criterion from the embedded phrase and the examples, without tags."""
        model, logits = self._fit(matrix, phrase, words, examples=examples)

        def chance(connection: Connection, pictures: Vectors, asset_ids: list[int]) -> Floats:
            return np.asarray(sigmoid(logits(connection, pictures, asset_ids)))

        return Criterion(unit(model.weights[None]), chance)

    def _combined(self, matrix: TagMatrix, named: _NamedTags, phrase: str, *, words: str) -> Criterion:
        """Return a criterion that mixes the logits of the named tags and of the embedded phrase."""
        model, logits = self._fit(matrix, phrase, words, examples=None)
        share = 0.5 if words else 1 / (2 + named.learned / _DECISIONS)

        def chance(connection: Connection, pictures: Vectors, asset_ids: list[int]) -> Floats:
            tags, labelled = named.chance(connection, pictures, asset_ids)
            if words:
                tags = np.clip(tags, _UNSURE, 1 - _UNSURE)
            phrase_logits = logits(connection, pictures, asset_ids)
            mixed = sigmoid((1 - share) * np.log(tags / (1 - tags)) + share * phrase_logits)
            return np.asarray(mixed if words else np.where(labelled, tags, mixed))

        directions = np.vstack([named.directions, unit(model.weights[None])])
        return Criterion(directions, chance, named.things + bool(words))

    def _fit(
        self, matrix: TagMatrix, phrase: str, words: str, *, examples: Examples | None
    ) -> tuple[TagModel, Chance]:
        """Fit a classifier to a phrase and examples; return it and its calibrated logits, text matches included."""
        dimension = len(matrix.pack.mean)
        none = Examples(np.zeros((0, dimension), np.float32), np.zeros(0), np.zeros(0))
        text = self._embed(phrase) if phrase else np.zeros(dimension, np.float32)
        model = fit_tag(text, examples or none, matrix.pack, defaults=self._preset.learner).model
        slopes, shifts = matrix.calibration.of([""], [""])

        def logits(connection: Connection, pictures: Vectors, asset_ids: list[int]) -> Floats:
            found = model.logits(matrix.pack.centre(pictures)) * slopes + shifts
            if words:
                matching = set(repository.with_words(connection, words, asset_ids))
                found = found + _IN_TEXT * np.array([asset_id in matching for asset_id in asset_ids], np.float64)
            return np.asarray(found, np.float64)

        return model, logits

    def _embed(self, phrase: str) -> Vectors:
        templates = self._preset.templates or ("a photo of {}", "a photo of a {}")
        prompts = [template.format(phrase) for template in templates]
        return self._library.texts.of_sentences([prompts])[0]


@dataclass(frozen=True, slots=True)
class _NamedTags:
    """Tags named in a query: each group must match, by any of its tags.

    Attributes:
        learned: What the group that learned least has learned from, in decisions.
    """

    matrix: TagMatrix
    groups: list[list[str]]
    learned: float

    @staticmethod
    def of(connection: Connection, matrix: TagMatrix, groups: Sequence[Sequence[str]]) -> _NamedTags | None:
        """Return the groups that have fitted tags; None if there are none."""
        fitted = [kept for group in groups if (kept := [t for t in group if t in matrix.rows])]
        if not fitted:
            return None
        tag_ids = [t for group in fitted for t in group]
        counted = select(learned.c.tag_id, func.max(learned.c.positives + learned.c.negatives).label("n"))
        rows = connection.execute(counted.where(learned.c.tag_id.in_(tag_ids)).group_by(learned.c.tag_id))
        known = {row.tag_id: float(row.n) for row in rows}
        for tag_id in matrix.pack.priors.keys() & tag_ids:
            known[tag_id] = known.get(tag_id, 0) + matrix.pack.priors[tag_id].photos / _STARTER_PHOTOS
        return _NamedTags(matrix, fitted, min(max(known.get(t, 0) for t in group) for group in fitted))

    @property
    def things(self) -> int:
        return len(self.groups)

    @property
    def directions(self) -> Vectors:
        """One per tag, and their sum over groups: its nearest pictures may be missing from each tag's own list."""
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
        return Criterion(self.directions, lambda *args: self.chance(*args)[0], self.things)

    def chance(self, connection: Connection, pictures: Vectors, asset_ids: list[int]) -> tuple[Floats, np.ndarray]:
        """Return probabilities `(n,)`, and whether labels decide them: a group rejected, or all groups accepted."""
        chances, accepted = np.ones(len(asset_ids)), np.ones(len(asset_ids), bool)
        for group in self.groups:
            found = np.stack([self.matrix.probability_of(tag_id, pictures) for tag_id in group])
            labelled = _labels(connection, group, asset_ids)
            # Accepted pictures are ranked among themselves by the classifier.
            found = np.where(np.isnan(labelled), found, labelled * (1 - _LABEL_MARGIN * (1 - found)))
            chances *= found.max(axis=0)
            accepted &= (labelled == 1).any(axis=0)
        return np.clip(chances, 1e-9, 1 - 1e-9), accepted | (chances == 0)


def _labels(connection: Connection, tag_ids: list[str], asset_ids: list[int]) -> Floats:
    """Return labels `(t, n)`: 1 for accepted, 0 for rejected, NaN for undecided."""
    found = np.full((len(tag_ids), len(asset_ids)), np.nan)
    rows = {tag_id: row for row, tag_id in enumerate(tag_ids)}
    columns = {asset_id: column for column, asset_id in enumerate(asset_ids)}
    query = select(labels.c.asset_id, labels.c.tag_id, labels.c.value)
    for each in connection.execute(query.where(labels.c.tag_id.in_(tag_ids), labels.c.asset_id.in_(asset_ids))):
        found[rows[each.tag_id], columns[each.asset_id]] = each.value
    return found
