"""Suggestions: which tags a picture probably has, from one matrix product over the library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from tagging_core.assets import repository
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Preset, Vectors
from tagging_core.learning import uncertainty
from tagging_core.learning.classifier import Floats
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.learning.text_evidence import Passage, TextEvidence
from tagging_core.ledger import projection
from tagging_core.ledger.events import Label
from tagging_core.storage import pipelined, upsert
from tagging_core.storage.schema import suggestions
from tagging_core.taxonomy.model import Profile, Taxonomy

K = TypeVar("K")

MIN_PROBABILITY = 0.08
"""Probability below which a suggestion is not worth an editor's look."""

MAX_SUGGESTIONS = 12
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


@dataclass(frozen=True, slots=True)
class Scores:
    """What the library says of some pictures.

    Attributes:
        asset_ids: `(n,)` those that have a vector.
        vectors: `(n, d)`.
        probabilities: `(n, t)` of the matrix's tags, in (0, 1).
    """

    asset_ids: list[int]
    vectors: Vectors
    matrix: TagMatrix
    probabilities: Floats


class Suggester:
    """Suggests tags with a library, or with that of a profile's own instruction where the profile has one.

    Args:
        libraries: Gives those of instructions.
        preset: The encoder whose vectors are used.
        text_evidence: Reads the texts that came with pictures.
    """

    def __init__(self, libraries: LibraryRegistry, preset: Preset, text_evidence: TextEvidence) -> None:
        self._libraries, self._library = libraries, libraries.of(preset)
        self._preset, self._text_evidence = preset, text_evidence

    @property
    def fingerprint(self) -> str:
        """Of the encoder whose vectors are used."""
        return self._preset.fingerprint

    @property
    def fuses(self) -> bool:
        """Whether vectors under an instruction hold the text that came with a picture."""
        return self._preset.fuses

    def taxonomy(self) -> Taxonomy:
        """The taxonomy that the library was fitted for."""
        return self._library.matrix().taxonomy

    def suggest(
        self,
        connection: Connection,
        asset_ids: Sequence[int],
        profile_id: str,
        decided: dict[int, dict[str, Label]] | None = None,
    ) -> dict[int, list[Suggestion]]:
        """Suggest tags for assets at the library's latest revision; reads only.

        A tag that was decided for an asset is not suggested again, whichever way it went; nor are the rivals of an
        accepted tag in an exclusive category.

        Args:
            connection: Any transaction.
            asset_ids: Assets whose vectors are stored.
            profile_id: Chooses the categories.
            decided: Labels by asset id, in place of the stored ones.

        Returns:
            Suggestions by asset id, best first; assets without a vector are absent.

        Raises:
            NotFoundError: There is no such profile.
        """
        return self.predict_assets(connection, asset_ids, profile_id, decided)[0]

    def predict_assets(
        self,
        connection: Connection,
        asset_ids: Sequence[int],
        profile_id: str,
        decided: dict[int, dict[str, Label]] | None = None,
    ) -> tuple[dict[int, list[Suggestion]], dict[int, float]]:
        """Return what `suggest` does, and the margins by asset id, see `uncertainty.margins`."""
        if decided is None:
            decided = projection.labels_of(connection, asset_ids) if asset_ids else {}
        chosen: dict[int, list[Suggestion]] = {}
        margins: dict[int, float] = {}
        library = self.library(connection, profile_id)
        if library is not self._library:
            found, passages = self._load(connection, library, asset_ids)
            chosen, margins = self.predict(found, profile_id, passages, decided, library)
        # Assets that were never embedded under the profile's instruction are judged without it.
        rest = [asset_id for asset_id in asset_ids if asset_id not in chosen]
        found, passages = self._load(connection, self._library, rest)
        others, other_margins = self.predict(found, profile_id, passages, decided)
        return chosen | others, margins | other_margins

    def library(self, connection: Connection, profile_id: str, ready: bool = True) -> TagLibrary:
        """The library that judges a profile's pictures: of its own instruction, if it has one.

        Args:
            connection: Any.
            profile_id: The profile.
            ready: False gives that of the instruction also while pictures have yet to be embedded under it.

        Raises:
            NotFoundError: There is no such profile.
        """
        found = self._libraries.instructed(connection, self._preset, self.taxonomy().profile(profile_id))
        return found[0] if found is not None and (found[1] or not ready) else self._library

    def score(self, connection: Connection, asset_ids: Sequence[int], profile_id: str) -> Scores:
        """What the library says of pictures, without keeping it as shown."""
        library = self.library(connection, profile_id)
        found, passages = self._load(connection, library, asset_ids)
        matrix = library.matrix()
        stacked = np.stack(list(found.values())) if found else np.zeros((0, len(matrix.pack.mean)), np.float32)
        return Scores(list(found), stacked, matrix, self._probabilities(matrix, found, passages))

    def predict(
        self,
        pictures: dict[K, Vectors],
        profile_id: str,
        passages: dict[K, Passage] | None = None,
        decided: dict[K, dict[str, Label]] | None = None,
        library: TagLibrary | None = None,
    ) -> tuple[dict[K, list[Suggestion]], dict[K, float]]:
        """What would be suggested for vectors `(d,)` by any key, and how sure the library is; nothing is kept.

        Raises:
            NotFoundError: There is no such profile.
        """
        library = library or self._library
        matrix = library.matrix()
        profile = matrix.taxonomy.profile(profile_id)
        if not pictures or not matrix.tag_ids:
            return {key: [] for key in pictures}, {}
        probabilities = self._probabilities(matrix, pictures, passages or {})
        choose = SuggestionSelector(matrix, profile, library.fingerprint)
        chosen = {
            key: choose(row, settled_tags((decided or {}).get(key, {}), matrix.taxonomy))
            for key, row in zip(pictures, probabilities, strict=True)
        }
        sure = uncertainty.picture_margins(matrix, profile, probabilities)
        return chosen, dict(zip(pictures, sure.tolist(), strict=True))

    def _load(
        self, connection: Connection, library: TagLibrary, asset_ids: Sequence[int]
    ) -> tuple[dict[int, Vectors], dict[int, Passage]]:
        found = vectors.load(connection, library.pictures, asset_ids)
        if library.instruction and self.fuses:
            return found, {}  # the text is in the vectors already
        spoken = vectors.load(connection, self.fingerprint, list(found), kind="text")
        texts = {a.id: a.text.sentence() for a in repository.get_many(connection, list(spoken))} if spoken else {}
        return found, {asset_id: Passage(texts[asset_id], vector) for asset_id, vector in spoken.items()}

    def _probabilities(self, matrix: TagMatrix, pictures: dict[K, Vectors], passages: dict[K, Passage]) -> Floats:
        if not pictures or not matrix.tag_ids:
            return np.zeros((len(pictures), len(matrix.tag_ids)))
        added = np.zeros((len(pictures), len(matrix.tag_ids)))
        for row, asset_id in enumerate(pictures):
            if asset_id in passages:
                added[row] = self._text_evidence.logits(matrix, passages[asset_id])
        return matrix.probabilities(np.stack(list(pictures.values())), added)


class SuggestionSelector:
    """Cuts a picture's probabilities to the few worth showing, per category; sensitive tags are never cut.

    Args:
        matrix: Whose tags they are.
        profile: Chooses the categories.
        fingerprint: Of the family that the suggestions come from.
    """

    def __init__(self, matrix: TagMatrix, profile: Profile, fingerprint: str) -> None:
        self._matrix, self._fingerprint = matrix, fingerprint
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, tag_id in enumerate(matrix.tag_ids):
            self._rows[matrix.taxonomy.tags[tag_id].category_id].append(row)
        self._sensitive = {row for row, t in enumerate(matrix.tag_ids) if matrix.taxonomy.tags[t].sensitive}
        self._categories = [matrix.taxonomy.categories[c] for c in profile.categories if c in self._rows]

    def __call__(self, probabilities: NDArray[np.float64], closed: set[str]) -> list[Suggestion]:
        """Suggestions of one picture, best first.

        Args:
            probabilities: `(t,)` of the matrix's tags, in (0, 1).
            closed: Tags that need no suggestion any more.
        """
        kept: list[int] = []
        always: list[int] = []
        for category in self._categories:
            rows = [r for r in self._rows[category.id] if self._matrix.tag_ids[r] not in closed]
            likely = [r for r in rows if probabilities[r] >= MIN_PROBABILITY]
            always += [r for r in likely if r in self._sensitive]
            others = sorted((r for r in likely if r not in self._sensitive), key=lambda r: -probabilities[r])
            kept += others[: category.top_k]
        kept = sorted(kept, key=lambda r: -probabilities[r])[:MAX_SUGGESTIONS] + always
        kept.sort(key=lambda r: -probabilities[r])
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


def record(
    connection: Connection,
    profile_id: str,
    chosen: dict[int, list[Suggestion]],
    margins: dict[int, float],
    new: Collection[int] = (),
) -> None:
    """Store the suggestions that assets came in with, in place of earlier ones under the same profile.

    Args:
        connection: A write transaction.
        profile_id: The profile they were made under.
        chosen: Suggestions by asset id.
        margins: By asset id, see `uncertainty.margins`.
        new: Assets that have no earlier ones.
    """
    with pipelined(connection):
        _forget(connection, [asset_id for asset_id in chosen if asset_id not in new], profile_id)
        _keep(connection, chosen, profile_id)
        uncertainty.save_margins(connection, margins)


def recorded(connection: Connection, asset_id: int, profile_id: str) -> list[Suggestion]:
    """Return the suggestions that an asset came in with under a profile, best first."""
    query = select(suggestions).where(suggestions.c.asset_id == asset_id, suggestions.c.profile == profile_id)
    rows = connection.execute(query.order_by(suggestions.c.rank))
    return [Suggestion(r.tag_id, r.probability, r.rank, r.fingerprint, r.revision) for r in rows]


def profile_of(connection: Connection, asset_id: int) -> str:
    """The profile under which suggestions were last made for an asset; the general one if there were none."""
    query = select(suggestions.c.profile).where(suggestions.c.asset_id == asset_id)
    return str(connection.execute(query.order_by(suggestions.c.at.desc()).limit(1)).scalar() or "general")


def settled_tags(decided: dict[str, Label], taxonomy: Taxonomy) -> set[str]:
    """Tags that need no suggestion: decided ones, and rivals of an accepted one in an exclusive category."""
    found = set(decided)
    for tag_id, label in decided.items():
        if label.value and tag_id in taxonomy.tags:
            found |= {rival.id for rival in taxonomy.siblings(taxonomy.tags[tag_id])}
    return found


def _forget(connection: Connection, asset_ids: Sequence[int], profile_id: str) -> None:
    if asset_ids:
        mine = suggestions.c.asset_id.in_(asset_ids), suggestions.c.profile == profile_id
        connection.execute(delete(suggestions).where(*mine))


def _keep(connection: Connection, chosen: dict[int, list[Suggestion]], profile_id: str) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
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
