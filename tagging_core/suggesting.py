"""Suggestions: which tags a picture probably has, from one matrix product over the library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from tagging_core import assets, vectors
from tagging_core.encoders import Preset, Vectors
from tagging_core.library import Library
from tagging_core.store import upsert
from tagging_core.store.tables import labels, suggestions
from tagging_core.tag_matrix import TagMatrix
from tagging_core.taxonomy import Profile, Taxonomy
from tagging_core.text_evidence import Passage, TextEvidence

FLOOR = 0.08
"""Probability below which a suggestion is not worth an editor's look."""

LIMIT = 12
"""Suggestions of one picture at most."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag that a picture probably has.

    Attributes:
        probability: In (0, 1); 0.8 is meant to be right in 80 of 100 cases.
        rank: From 1, over all categories.
    """

    tag_id: str
    probability: float
    rank: int
    fingerprint: str
    revision: int


class Suggester:
    """Suggests tags with a library.

    Args:
        library: The learned tags.
        preset: The encoder whose vectors are used.
        text_evidence: Reads the texts that came with pictures.
    """

    def __init__(self, library: Library, preset: Preset, text_evidence: TextEvidence) -> None:
        self._library, self._preset, self._text_evidence = library, preset, text_evidence

    def suggest(
        self, connection: Connection, asset_ids: Sequence[int], profile_id: str
    ) -> dict[int, list[Suggestion]]:
        """Suggest and keep what was suggested.

        A tag that a person already decided for the picture is not suggested again, whichever way it went; nor are
        the rivals of one that was accepted in an exclusive category.

        Args:
            connection: A write transaction.
            asset_ids: Assets whose vectors are stored.
            profile_id: Chooses the categories.

        Returns:
            Suggestions by asset id, best first; assets without a vector are absent.
        """
        fingerprint = self._preset.fingerprint
        found = vectors.load(connection, fingerprint, asset_ids)
        spoken = vectors.load(connection, fingerprint, asset_ids, kind="text")
        texts = {a.id: a.text.sentence() for a in assets.get_many(connection, list(spoken))}
        passages = {asset_id: Passage(texts[asset_id], vector) for asset_id, vector in spoken.items()}
        return self.suggest_vectors(connection, found, profile_id, passages)

    def suggest_vectors(
        self,
        connection: Connection,
        pictures: dict[int, Vectors],
        profile_id: str,
        passages: dict[int, Passage] | None = None,
    ) -> dict[int, list[Suggestion]]:
        """As `suggest`, for vectors `(d,)` at hand by asset id."""
        matrix = self._library.matrix()
        profile = matrix.taxonomy.profile(profile_id)
        if not pictures or not matrix.tag_ids:
            return {asset_id: [] for asset_id in pictures}
        added = np.zeros((len(pictures), len(matrix.tag_ids)))
        for row, asset_id in enumerate(pictures):
            if passages and asset_id in passages:
                added[row] = self._text_evidence.logits(matrix, passages[asset_id])
        probabilities = matrix.probabilities(np.stack(list(pictures.values())), added)
        closed = _closed(connection, list(pictures), matrix.taxonomy)
        choose = _Chooser(matrix, profile, self._preset.fingerprint)
        chosen = {
            asset_id: choose(row, closed[asset_id]) for asset_id, row in zip(pictures, probabilities, strict=True)
        }
        _keep(connection, chosen, profile_id)
        return chosen


class _Chooser:
    """Cuts a picture's probabilities to the few worth showing, per category."""

    def __init__(self, matrix: TagMatrix, profile: Profile, fingerprint: str) -> None:
        self._matrix, self._fingerprint = matrix, fingerprint
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, tag_id in enumerate(matrix.tag_ids):
            self._rows[matrix.taxonomy.tags[tag_id].category_id].append(row)
        self._categories = [matrix.taxonomy.categories[c] for c in profile.categories if c in self._rows]

    def __call__(self, probabilities: NDArray[np.float64], closed: set[str]) -> list[Suggestion]:
        kept: list[int] = []
        for category in self._categories:
            rows = [r for r in self._rows[category.id] if self._matrix.tag_ids[r] not in closed]
            likely = [r for r in rows if probabilities[r] >= FLOOR]
            kept += sorted(likely, key=lambda r: -probabilities[r])[: category.top_k]
        kept = sorted(kept, key=lambda r: -probabilities[r])[:LIMIT]
        return [
            Suggestion(
                self._matrix.tag_ids[row],
                float(probabilities[row]),
                rank,
                self._fingerprint,
                self._matrix.revision,
            )
            for rank, row in enumerate(kept, start=1)
        ]


def shown(connection: Connection, asset_id: int, profile_id: str) -> list[Suggestion]:
    """The suggestions as they were last shown for an asset, best first."""
    query = select(suggestions).where(suggestions.c.asset_id == asset_id, suggestions.c.profile == profile_id)
    rows = connection.execute(query.order_by(suggestions.c.rank))
    return [Suggestion(r.tag_id, r.probability, r.rank, r.fingerprint, r.revision) for r in rows]


def _closed(connection: Connection, asset_ids: list[int], taxonomy: Taxonomy) -> dict[int, set[str]]:
    """Tags that need no suggestion: decided ones, and rivals of an accepted one in an exclusive category."""
    closed: dict[int, set[str]] = defaultdict(set)
    query = select(labels.c.asset_id, labels.c.tag_id, labels.c.value).where(labels.c.asset_id.in_(asset_ids))
    for asset_id, tag_id, value in connection.execute(query):
        closed[asset_id].add(tag_id)
        if value and tag_id in taxonomy.tags:
            closed[asset_id] |= {rival.id for rival in taxonomy.siblings(taxonomy.tags[tag_id])}
    return closed


def _keep(connection: Connection, chosen: dict[int, list[Suggestion]], profile_id: str) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    mine = suggestions.c.asset_id.in_(list(chosen)), suggestions.c.profile == profile_id
    connection.execute(delete(suggestions).where(*mine))
    rows = [
        {
            "asset_id": asset_id,
            "profile": profile_id,
            "tag_id": s.tag_id,
            "probability": s.probability,
            "rank": s.rank,
            "fingerprint": s.fingerprint,
            "revision": s.revision,
            "at": now,
        }
        for asset_id, found in chosen.items()
        for s in found
    ]
    upsert(connection, suggestions, rows)
