"""Suggestions: the most probable tags of a picture, from one matrix product over the tag library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from tagging_core.assets import repository
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Preset, Vectors
from tagging_core.learning import uncertainty
from tagging_core.learning.classifier import Floats
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.learning.text_evidence import Passage, TextEvidence
from tagging_core.ledger import label_queries
from tagging_core.ledger.events import Label
from tagging_core.taxonomy.model import Profile, Taxonomy

K = TypeVar("K")

MIN_PROBABILITY = 0.15
"""Suggestions below this probability are not shown.

On photos that no starter had seen (`benchmarks.first_suggestions --folds 5`), 60 of 100 shown tags are right
and 59 to 72 of 100 tags that apply are found, depending on the profile; at .08 it is 46 to 52, and 62 to 79."""

MAX_SUGGESTIONS = 12
"""Maximum number of suggestions per picture, sensitive tags excepted."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A tag that a picture probably has.

    Attributes:
        probability: Calibrated, in (0, 1).
        rank: From 1, over all categories.
        fingerprint: Of the vector space.
        revision: Of the tag library.
    """

    tag_id: str
    probability: float
    rank: int
    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities of all tags for some pictures.

    Attributes:
        asset_ids: `(n,)` pictures that have a vector.
        vectors: `(n, d)`.
        probabilities: `(n, t)` in (0, 1), columns as in the matrix.
    """

    asset_ids: list[int]
    vectors: Vectors
    matrix: TagMatrix
    probabilities: Floats


class Suggester:
    """Suggests tags with a model's tag library, or with the one of a profile's instruction.

    Args:
        libraries: Source of the tag libraries.
        preset: The encoder whose vectors are used.
        text_evidence: Scores the texts that came with pictures.
    """

    def __init__(self, libraries: LibraryRegistry, preset: Preset, text_evidence: TextEvidence) -> None:
        self._libraries, self._library = libraries, libraries.of(preset)
        self._preset, self._text_evidence = preset, text_evidence

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint."""
        return self._preset.fingerprint

    @property
    def fuses(self) -> bool:
        """Whether instructed picture vectors include the text that came with the picture."""
        return self._preset.fuses

    def taxonomy(self) -> Taxonomy:
        """Return the taxonomy that the library was fitted for.

        Returns:
            The taxonomy as of the latest revision of the default instruction's library.
        """
        return self._library.matrix().taxonomy

    def suggest(
        self,
        connection: Connection,
        asset_ids: Sequence[int],
        profile_id: str,
        *,
        decided: dict[int, dict[str, Label]] | None = None,
    ) -> dict[int, list[Suggestion]]:
        """Suggest tags for assets at the library's latest revision; read-only.

        Accepted and rejected tags are excluded, and so are the rivals of an accepted tag in an exclusive category.

        Args:
            connection: A read or write transaction.
            asset_ids: Assets to suggest tags for.
            profile_id: Selects the categories.
            decided: Labels by asset id, instead of the stored ones.

        Returns:
            Suggestions by asset id, best first; assets without a vector are absent.

        Raises:
            NotFoundError: There is no such profile.
            EncoderError: An asset came with text, and the encoder, which embeds the tags' names, cannot be loaded.
        """
        return self.predict_assets(connection, asset_ids, profile_id, decided=decided)[0]

    def predict_assets(
        self,
        connection: Connection,
        asset_ids: Sequence[int],
        profile_id: str,
        *,
        decided: dict[int, dict[str, Label]] | None = None,
    ) -> tuple[dict[int, list[Suggestion]], dict[int, float]]:
        """Suggest tags for assets, and measure how uncertain the predictions are.

        Args:
            connection, asset_ids, profile_id, decided: As in `suggest`.

        Returns:
            Suggestions as from `suggest`, and margins by asset id, in [0, 1]; see `uncertainty.margins`.

        Raises:
            NotFoundError, EncoderError: As in `suggest`.
        """
        if decided is None:
            decided = label_queries.labels_of(connection, asset_ids) if asset_ids else {}
        chosen: dict[int, list[Suggestion]] = {}
        margins: dict[int, float] = {}
        library = self.library(connection, profile_id)
        if library is not self._library:
            found, passages = self._load(connection, library, asset_ids)
            chosen, margins = self.predict(found, profile_id, passages, decided=decided, library=library)
        # Assets not yet embedded with the profile's instruction fall back to the default space.
        rest = [asset_id for asset_id in asset_ids if asset_id not in chosen]
        found, passages = self._load(connection, self._library, rest)
        others, other_margins = self.predict(found, profile_id, passages, decided=decided)
        return chosen | others, margins | other_margins

    def library(self, connection: Connection, profile_id: str, ready: bool = True) -> TagLibrary:
        """Return the tag library used for a profile.

        Args:
            connection: A read or write transaction.
            profile_id: The profile.
            ready: False returns the instructed library even while its pictures are still being embedded.

        Returns:
            The library of the profile's instruction if there is one, otherwise that of the default instruction.

        Raises:
            NotFoundError: There is no such profile.
        """
        found = self._libraries.instructed(connection, self._preset, self.taxonomy().profile(profile_id))
        return found[0] if found is not None and (found[1] or not ready) else self._library

    def score(self, connection: Connection, asset_ids: Sequence[int], profile_id: str) -> Scores:
        """Return the probabilities of all tags for pictures.

        Args:
            connection, asset_ids, profile_id: As in `suggest`; the profile selects the library, not the tags.

        Returns:
            The scores, without pictures that have no vector in the library's space.

        Raises:
            NotFoundError, EncoderError: As in `suggest`.
        """
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
        *,
        decided: dict[K, dict[str, Label]] | None = None,
        library: TagLibrary | None = None,
    ) -> tuple[dict[K, list[Suggestion]], dict[K, float]]:
        """Suggest tags for vectors that need not be stored.

        Args:
            pictures: Vectors `(d,)` by any key; the other arguments use the same keys.
            profile_id: Selects the categories.
            passages: Texts that came with the pictures.
            decided: Labels of the pictures.
            library: The tag library; that of the default instruction if omitted.

        Returns:
            Suggestions by key, best first, and margins by key, in [0, 1]; without fitted tags there are no margins.

        Raises:
            NotFoundError: There is no such profile.
            EncoderError: There are passages, and the encoder, which embeds the tags' names, cannot be loaded.
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
            return found, {}  # the vectors already include the text
        encoded = vectors.load(connection, self.fingerprint, list(found), kind="text")
        texts = {a.id: a.text.sentence() for a in repository.get_many(connection, list(encoded))} if encoded else {}
        return found, {asset_id: Passage(texts[asset_id], vector) for asset_id, vector in encoded.items()}

    def _probabilities(self, matrix: TagMatrix, pictures: dict[K, Vectors], passages: dict[K, Passage]) -> Floats:
        if not pictures or not matrix.tag_ids:
            return np.zeros((len(pictures), len(matrix.tag_ids)))
        added = np.zeros((len(pictures), len(matrix.tag_ids)))
        for row, asset_id in enumerate(pictures):
            if asset_id in passages:
                added[row] = self._text_evidence.logits(matrix, passages[asset_id])
        return matrix.probabilities(np.stack(list(pictures.values())), added)


def settled_tags(decided: dict[str, Label], taxonomy: Taxonomy) -> set[str]:
    """Return tags that need no suggestion: decided ones, and rivals of an accepted one in an exclusive category."""
    found = set(decided)
    for tag_id, label in decided.items():
        if label.value and tag_id in taxonomy.tags:
            found |= {rival.id for rival in taxonomy.siblings(taxonomy.tags[tag_id])}
    return found


class SuggestionSelector:
    """Selects the top suggestions per category of a profile; sensitive tags do not count against the limits."""

    def __init__(self, matrix: TagMatrix, profile: Profile, fingerprint: str) -> None:
        self._matrix, self._fingerprint = matrix, fingerprint
        self._rows: dict[str, list[int]] = defaultdict(list)
        for row, tag_id in enumerate(matrix.tag_ids):
            self._rows[matrix.taxonomy.tags[tag_id].category_id].append(row)
        self._sensitive = {row for row, t in enumerate(matrix.tag_ids) if matrix.taxonomy.tags[t].sensitive}
        self._categories = [matrix.taxonomy.categories[c] for c in profile.categories if c in self._rows]

    def __call__(self, probabilities: NDArray[np.float64], closed: set[str]) -> list[Suggestion]:
        """Return the suggestions for probabilities `(t,)`, best first, without the tags in `closed`."""
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
