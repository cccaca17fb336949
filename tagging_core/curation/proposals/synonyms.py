"""Two tags that may mean the same.

Names that mean the same lie close together; tags of one thing have examples that look alike, are taken for one
another, and are seldom given to the same picture. Weights and cut-off were chosen on 128 COCO photos in which 20
labels had been given two names (`benchmarks.curation`). Each tag is paired with one other at most, the closest
first: what merely resembles a tag that has a closer one, as a hot dog does a dog, is left out.
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
"""Score from which a pair is proposed."""

_ALIKE, _TOGETHER, _TAKEN, _SPELLED = 0.15, 0.3, 0.2, 0.4  # weights beside the cosine of the names
_UNSEEN = 0.2  # less for tags of which one has no pictures yet: only nearly equal names are proposed then
_ALWAYS = 0.9  # tags that come together so often may as well be one
_NEAR = 90.0  # similarity of spelling, of 100, from which a typo or a plural is likely
_CLOSE, _NEIGHBOURS, _BLOCK = 0.5, 10, 512
_EXAMPLES = 50


def find(
    tags: Sequence[Tag],
    names: Vectors,
    looks: Looks,
    taken: Callable[[str, str], int],
) -> list[Proposal]:
    """Pairs of tags that may be one, within each category.

    Args:
        names: `(t, k)` passage vectors of the tags' names.
        looks: What their examples look like.
        taken: How often the first tag was rejected on a picture that was given the second.
    """
    scored = []
    for a, b, meaning in _candidates(tags, names):
        first, second = sorted((tags[a], tags[b]), key=lambda tag: tag.id)
        alike, together = looks.alike(first.id, second.id), looks.together(first.id, second.id)
        confused = taken(first.id, second.id) + taken(second.id, first.id)
        spelled = fuzz.ratio(same_word(first.name()), same_word(second.name()))
        score = meaning + _ALIKE * alike - (_TOGETHER * together if together < _ALWAYS else 0)
        score += _TAKEN * min(1.0, confused / 10) + (_SPELLED if spelled >= _NEAR else 0)
        evidence = {
            "meaning": round(meaning, 3),
            "alike": round(alike, 3),
            "together": round(together, 3),
            "confused": confused,
            "spelled": round(spelled),
        }
        if not (looks.known(first.id) and looks.known(second.id)):
            score -= _UNSEEN
        scored.append(Proposal("synonyms", (first.id, second.id), round(score, 4), evidence))
    return _pair_off(scored)


def _pair_off(scored: Iterable[Proposal]) -> list[Proposal]:
    """The best pair of each tag: what merely resembles a tag that has a closer one is no synonym."""
    used: set[str] = set()
    found = []
    for proposal in sorted(scored, key=lambda p: (-p.score, p.key)):
        if proposal.score >= CUT and used.isdisjoint(proposal.subjects):
            used.update(proposal.subjects)
            found.append(proposal)
    return found


def _candidates(tags: Sequence[Tag], names: Vectors) -> list[tuple[int, int, float]]:
    """Pairs of one category whose names are close, with their cosine; a few for each tag."""
    groups: dict[str, list[int]] = {}
    for place, tag in enumerate(tags):
        groups.setdefault(tag.category_id, []).append(place)
    found: dict[tuple[int, int], float] = {}
    for members in groups.values():
        mine = names[members]
        for start in range(0, len(members), _BLOCK):
            cosines = mine[start : start + _BLOCK] @ mine.T
            cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
            for row, columns in enumerate(nearest):
                for column in columns:
                    if cosines[row, column] >= _CLOSE:
                        pair = sorted((members[start + row], members[column]))
                        found[pair[0], pair[1]] = float(cosines[row, column])
    return [(a, b, cosine) for (a, b), cosine in sorted(found.items())]


class Looks:
    """What the examples of tags look like, read again only for tags that were fitted since."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._known: dict[str, tuple[int, set[int], Vectors]] = {}
        self._connection: Connection | None = None

    def refresh(self, connection: Connection, fingerprint: str, pack: ReferencePack) -> Looks:
        """Read through this connection from now on; tags without examples have no looks."""
        query = select(learned.c.tag_id, learned.c.revision).where(
            learned.c.fingerprint == fingerprint, learned.c.positives > 0
        )
        self._seen = {row.tag_id: row.revision for row in connection.execute(query)}
        self._connection, self._fingerprint, self._pack = connection, fingerprint, pack
        return self

    def known(self, tag_id: str) -> bool:
        """Whether a tag has examples."""
        return tag_id in self._seen

    def alike(self, first: str, second: str) -> float:
        """Cosine of the examples' means; 0 where one has none."""
        a, b = self._of(first), self._of(second)
        return float(a[1] @ b[1]) if a and b else 0.0

    def together(self, first: str, second: str) -> float:
        """How many of the rarer one's pictures have both, in [0, 1]."""
        a, b = self._of(first), self._of(second)
        return len(a[0] & b[0]) / max(1, min(len(a[0]), len(b[0]))) if a and b else 0.0

    def _of(self, tag_id: str) -> tuple[set[int], Vectors] | None:
        if tag_id not in self._seen or self._connection is None:
            return None
        kept = self._known.get(tag_id)
        if kept is None or kept[0] != self._seen[tag_id]:
            query = select(labels.c.asset_id).where(labels.c.tag_id == tag_id, labels.c.value == 1)
            ids = list(self._connection.execute(query.order_by(labels.c.sample).limit(_EXAMPLES)).scalars())
            found = vectors.load(self._connection, self._fingerprint, ids)
            if not found:
                return None
            mean = unit(self._pack.centre(np.stack(list(found.values()))).mean(axis=0))
            kept = self._known[tag_id] = (self._seen[tag_id], set(ids), mean)
        return kept[1], kept[2]
