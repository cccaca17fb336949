"""Proposals to merge two tags that may be synonyms.

Synonyms have similar names, similar examples and mutual confusions, and rarely occur on the same picture. Weights
and cut-off were tuned on 128 COCO photos with two names for each of 20 labels (`benchmarks.curation`). Each tag is
paired with at most one other, best scores first: a tag that merely resembles one with a closer match is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from rapidfuzz import fuzz
from sqlalchemy import Connection, select

from tagging_core.curation.proposals.store import Proposal
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors, unit
from tagging_core.learning.classifier import ReferencePack
from tagging_core.storage.schema import labels, learned
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Tag

CUT = 0.65
"""Minimum score of a proposed pair."""

_ALIKE, _TOGETHER, _CONFUSED, _SPELLED = 0.15, 0.3, 0.2, 0.4  # weights; the cosine of the names has weight 1
_NO_EXAMPLES_PENALTY = 0.2  # if either tag has no pictures yet: only nearly equal names pass the cut-off
_ALWAYS_TOGETHER = 0.9  # co-occurrence from which it no longer counts against a pair
_SIMILAR_SPELLING = 90.0  # rapidfuzz ratio in [0, 100] from which a typo or a plural is likely
_MIN_COSINE, _NEIGHBOURS, _BLOCK_SIZE = 0.5, 10, 512
_EXAMPLES = 50


def find(
    tags: Sequence[Tag],
    names: Vectors,
    looks: Looks,
    *,
    taken: Callable[[str, str], int],
) -> list[Proposal]:
    """Return pairs of tags within a category that may be synonyms.

    Args:
        names: `(t, k)` passage vectors of the tags' names.
        looks: Statistics of the tags' examples.
        taken: Returns how often the first tag was rejected and the second added instead.
    """
    scored = []
    for a, b, meaning in _candidates(tags, names):
        first, second = sorted((tags[a], tags[b]), key=lambda tag: tag.id)
        alike, together = looks.alike(first.id, second.id), looks.together(first.id, second.id)
        confused = taken(first.id, second.id) + taken(second.id, first.id)
        spelled = fuzz.ratio(same_word(first.name()), same_word(second.name()))
        score = meaning + _ALIKE * alike - (_TOGETHER * together if together < _ALWAYS_TOGETHER else 0)
        score += _CONFUSED * min(1.0, confused / 10) + (_SPELLED if spelled >= _SIMILAR_SPELLING else 0)
        evidence = {
            "meaning": round(meaning, 3),
            "alike": round(alike, 3),
            "together": round(together, 3),
            "confused": confused,
            "spelled": round(spelled),
        }
        if not (looks.known(first.id) and looks.known(second.id)):
            score -= _NO_EXAMPLES_PENALTY
        scored.append(Proposal("synonyms", (first.id, second.id), round(score, 4), evidence))
    return _match(scored)


def _match(scored: Iterable[Proposal]) -> list[Proposal]:
    """Match each tag with at most one other, greedily by score."""
    used: set[str] = set()
    found = []
    for proposal in sorted(scored, key=lambda p: (-p.score, p.key)):
        if proposal.score >= CUT and used.isdisjoint(proposal.subjects):
            used.update(proposal.subjects)
            found.append(proposal)
    return found


def _candidates(tags: Sequence[Tag], names: Vectors) -> list[tuple[int, int, float]]:
    """Return (index, index, cosine) of the nearest names within each category."""
    groups: dict[str, list[int]] = {}
    for place, tag in enumerate(tags):
        groups.setdefault(tag.category_id, []).append(place)
    found: dict[tuple[int, int], float] = {}
    for members in groups.values():
        group = names[members]
        for start in range(0, len(members), _BLOCK_SIZE):
            cosines = group[start : start + _BLOCK_SIZE] @ group.T
            cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
            for row, columns in enumerate(nearest):
                for column in columns:
                    if cosines[row, column] >= _MIN_COSINE:
                        pair = sorted((members[start + row], members[column]))
                        found[pair[0], pair[1]] = float(cosines[row, column])
    return [(a, b, cosine) for (a, b), cosine in sorted(found.items())]


class Looks:
    """Statistics of tags' examples, cached until a tag is refitted."""

    def __init__(self) -> None:
        self._revisions: dict[str, int] = {}
        self._cache: dict[str, tuple[int, set[int], Vectors]] = {}
        self._connection: Connection | None = None

    def refresh(self, connection: Connection, fingerprint: str, pack: ReferencePack) -> Looks:
        """Use this connection from now on and read which tags have examples."""
        query = select(learned.c.tag_id, learned.c.revision).where(
            learned.c.fingerprint == fingerprint, learned.c.positives > 0
        )
        self._revisions = {row.tag_id: row.revision for row in connection.execute(query)}
        self._connection, self._fingerprint, self._pack = connection, fingerprint, pack
        return self

    def known(self, tag_id: str) -> bool:
        """Whether a tag has examples."""
        return tag_id in self._revisions

    def alike(self, first: str, second: str) -> float:
        """Return the cosine of the mean example vectors, in [-1, 1]; 0 if either tag has no examples."""
        a, b = self._of(first), self._of(second)
        return float(a[1] @ b[1]) if a and b else 0.0

    def together(self, first: str, second: str) -> float:
        """Return the share of the rarer tag's sampled pictures that have both tags, in [0, 1]."""
        a, b = self._of(first), self._of(second)
        return len(a[0] & b[0]) / max(1, min(len(a[0]), len(b[0]))) if a and b else 0.0

    def _of(self, tag_id: str) -> tuple[set[int], Vectors] | None:
        if tag_id not in self._revisions or self._connection is None:
            return None
        cached = self._cache.get(tag_id)
        if cached is None or cached[0] != self._revisions[tag_id]:
            query = select(labels.c.asset_id).where(labels.c.tag_id == tag_id, labels.c.value == 1)
            ids = list(self._connection.execute(query.order_by(labels.c.sample).limit(_EXAMPLES)).scalars())
            found = vectors.load(self._connection, self._fingerprint, ids)
            if not found:
                return None
            mean = unit(self._pack.centre(np.stack(list(found.values()))).mean(axis=0))
            cached = self._cache[tag_id] = (self._revisions[tag_id], set(ids), mean)
        return cached[1], cached[2]
