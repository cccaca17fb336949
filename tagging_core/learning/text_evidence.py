"""Evidence from the text that came with a picture: tag names it mentions, and tags of similar meaning."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagging_core.embeddings.encoders import Encoder, Vectors
from tagging_core.learning.tag_matrix import TagMatrix
from tagging_core.taxonomy.matching import TagNames
from tagging_core.taxonomy.model import Tag

_NAMED = 2.5  # logit for a tag whose name or alias occurs in the text
_GAIN, _FLOOR, _MOST = 1.0, 2.0, 2.5  # logit per standard deviation of similarity above the floor, and its maximum


@dataclass(frozen=True, slots=True)
class Passage:
    """The text of an asset and its embedding `(k,)`."""

    text: str
    vector: Vectors


@dataclass(frozen=True, slots=True)
class _Index:
    revision: int
    names: TagNames
    tag_ids: list[str]
    passages: Vectors


class TextEvidence:
    """Scores the tags of a matrix against passages.

    Args:
        encoder: Returns the loaded encoder, which embeds tag names and definitions.
    """

    def __init__(self, encoder: Callable[[], Encoder]) -> None:
        self._encoder = encoder
        self._lock = threading.Lock()
        self._index: _Index | None = None

    def logits(self, matrix: TagMatrix, passage: Passage) -> NDArray[np.float64]:
        """Return logits `(t,)` to add, at least 0: a text that does not mention a tag is no evidence against it."""
        index = self._current(matrix)
        cosine = index.passages @ passage.vector
        z_scores = (cosine - cosine.mean()) / max(float(cosine.std()), 1e-6)
        similar = dict(zip(index.tag_ids, _GAIN * np.clip(z_scores - _FLOOR, 0, _MOST / _GAIN), strict=True))
        named = {t for match in index.names.find(passage.text) for t in match.tag_ids}
        return np.array([max(similar.get(t, 0.0), _NAMED if t in named else 0.0) for t in matrix.tag_ids])

    def _current(self, matrix: TagMatrix) -> _Index:
        with self._lock:
            if self._index is None or self._index.revision != matrix.taxonomy.revision:
                self._index = self._make(matrix.taxonomy.revision, matrix.taxonomy.active())
            return self._index

    def _make(self, revision: int, active: list[Tag]) -> _Index:
        passages = self._encoder().encode_passages([f"{tag.name()}. {tag.definition}" for tag in active])
        return _Index(revision, TagNames(active), [t.id for t in active], passages)
