"""Training sets: bounded, deterministic samples of the decided pictures of a tag.

Each sample is the k rows with the smallest `sample` number, derived from the picture's SHA-256. The same decisions
always give the same examples, and the cost of a fit does not grow with the archive.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from sqlalchemy import Connection, literal, select, union_all

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.learning.classifier import ReferencePack
from tagging_core.learning.completeness import looked_at, presence
from tagging_core.ledger.projection import IMPLICIT_SAMPLE
from tagging_core.storage.schema import labels, reviews
from tagging_core.taxonomy.model import Tag, Taxonomy

IMPLICIT_WEIGHT = 0.5
"""Weight of an implicit negative: a finished review did not include the tag, although its category was looked at.

Tuned with simulated editors who overlook a fifth of the tags that were not suggested (`benchmarks.calibration`)."""


class ExampleKind(IntEnum):
    """Why a picture is an example."""

    POSITIVE = 0  # the tag was accepted
    NEGATIVE = 1  # the tag was rejected
    RIVAL = 2  # another tag of the exclusive category was accepted
    LEFT_OUT = 3  # a finished review did not include the tag


MOST = {ExampleKind.POSITIVE: 200, ExampleKind.NEGATIVE: 300, ExampleKind.RIVAL: 300}
"""Maximum number of examples by kind; for LEFT_OUT it is IMPLICIT_SAMPLE per profile."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One example.

    Attributes:
        shown: Whether the tag was suggested to the reviewer.
        looked_at: Probability in [0, 1] that the reviewer looked at the tag's category; below 1 only if the tag was
            left out.
    """

    asset_id: int
    kind: ExampleKind
    shown: bool = True
    looked_at: float = 1.0

    @property
    def label(self) -> int:
        """1 where the tag applies, else 0."""
        return int(self.kind == ExampleKind.POSITIVE)

    @property
    def weight(self) -> float:
        """Sample weight in [0, 1]."""
        return self.looked_at * (IMPLICIT_WEIGHT if self.kind == ExampleKind.LEFT_OUT else 1.0)


class TrainingSetSampler:
    """Reads the examples of tags; caches finished reviews and vectors between tags.

    Args:
        connection: A read or write transaction, used as long as the sampler.
        taxonomy: Says which tags are in a category, and which of them are rivals.
        fingerprint: Fingerprint of the vector space of the vectors.
        pack: The reference pack in force.
    """

    def __init__(
        self, connection: Connection, taxonomy: Taxonomy, fingerprint: str, *, pack: ReferencePack
    ) -> None:
        self._connection, self._taxonomy, self._fingerprint, self._pack = connection, taxonomy, fingerprint, pack
        self._finished: dict[str, dict[int, dict[str, set[str]]]] = {}
        self._looked_at: dict[tuple[str, str], dict[int, float]] = {}
        self._vectors: dict[int, Vectors] = {}

    def of(self, tag: Tag) -> tuple[list[TrainingExample], list[Vectors]]:
        """Return a tag's examples that have a vector, by ascending asset id, and these vectors `(d,)`."""
        choices = self._select(tag)
        found = self._load([choice.asset_id for choice in choices])
        usable = [choice for choice in choices if choice.asset_id in found]
        return usable, [found[choice.asset_id] for choice in usable]

    def _load(self, asset_ids: list[int]) -> dict[int, Vectors]:
        """Vectors `(d,)` of assets; those without one are absent."""
        missing = [asset_id for asset_id in asset_ids if asset_id not in self._vectors]
        self._vectors |= vectors.load(self._connection, self._fingerprint, missing)
        return {asset_id: self._vectors[asset_id] for asset_id in asset_ids if asset_id in self._vectors}

    def _select(self, tag: Tag) -> list[TrainingExample]:
        """Explicit decisions take precedence over accepted rivals, and these over finished reviews."""
        rivals = [other.id for other in self._taxonomy.siblings(tag)]
        decided = self._decided(tag.id, rivals)
        stated = (ExampleKind.POSITIVE, ExampleKind.NEGATIVE)
        chosen = {a: TrainingExample(a, kind, shown) for kind in stated for a, shown in decided[kind]}
        self._add_rivals(tag, chosen, [asset_id for asset_id, _ in decided[ExampleKind.RIVAL]])
        for profile in self._taxonomy.profiles_with(tag.category_id):
            self._add_left_out(tag, chosen, profile.id)
        return [chosen[asset_id] for asset_id in sorted(chosen)]

    def _decided(self, tag_id: str, rivals: list[str]) -> dict[ExampleKind, list[tuple[int, bool]]]:
        """Assets and whether the tag was shown, by kind, of each kind the first of the sample; one query."""
        wanted = {ExampleKind.POSITIVE: ([tag_id], 1), ExampleKind.NEGATIVE: ([tag_id], 0)}
        if rivals:
            wanted[ExampleKind.RIVAL] = (rivals, 1)
        parts = []
        for kind, (tag_ids, value) in wanted.items():
            mine = select(labels).where(labels.c.tag_id.in_(tag_ids), labels.c.value == value)
            first = mine.order_by(labels.c.sample).limit(MOST[kind]).subquery()
            parts.append(select(literal(int(kind)).label("kind"), first.c.asset_id, first.c.shown, first.c.sample))
        both = union_all(*parts).subquery()
        found: dict[ExampleKind, list[tuple[int, bool]]] = {kind: [] for kind in ExampleKind}
        for row in self._connection.execute(select(both).order_by(both.c.kind, both.c.sample)):
            found[ExampleKind(row.kind)].append((row.asset_id, bool(row.shown)))
        return found

    def _add_rivals(self, tag: Tag, chosen: dict[int, TrainingExample], asset_ids: list[int]) -> None:
        """Add pictures with another tag of the category, except for those on which the tag itself was decided."""
        new = [asset_id for asset_id in asset_ids if asset_id not in chosen]
        query = select(labels.c.asset_id).where(labels.c.tag_id == tag.id, labels.c.asset_id.in_(new))
        decided = set(self._connection.execute(query).scalars()) if new else set()
        chosen.update({a: TrainingExample(a, ExampleKind.RIVAL) for a in new if a not in decided})

    def _add_left_out(self, tag: Tag, chosen: dict[int, TrainingExample], profile_id: str) -> None:
        """Add finished pictures on which the tag was not decided."""
        for asset_id, decided in self._finished_under(profile_id).items():
            in_category = decided.get(tag.category_id, set())
            if asset_id not in chosen and tag.id not in in_category:
                share = (
                    1.0 if in_category else self._looked_at_under(profile_id, tag.category_id).get(asset_id, 0.0)
                )
                chosen[asset_id] = TrainingExample(asset_id, ExampleKind.LEFT_OUT, looked_at=share)

    def _finished_under(self, profile_id: str) -> dict[int, dict[str, set[str]]]:
        """The tags decided on each sampled finished picture, by category; one query."""
        if profile_id not in self._finished:
            mine = select(reviews.c.asset_id).where(reviews.c.profile == profile_id)
            sample = mine.order_by(reviews.c.sample).limit(IMPLICIT_SAMPLE).subquery()
            both = sample.outerjoin(labels, labels.c.asset_id == sample.c.asset_id)
            found: dict[int, dict[str, set[str]]] = {}
            for asset_id, tag_id in self._connection.execute(
                select(sample.c.asset_id, labels.c.tag_id).select_from(both)
            ):
                decided = found.setdefault(asset_id, defaultdict(set))
                if tag := self._taxonomy.tags.get(tag_id):
                    decided[tag.category_id].add(tag.id)
            self._finished[profile_id] = found
        return self._finished[profile_id]

    def _looked_at_under(self, profile_id: str, category_id: str) -> dict[int, float]:
        """Probability that the category was looked at on finished pictures without a decision in it."""
        key = profile_id, category_id
        if key not in self._looked_at:
            finished = self._finished_under(profile_id)
            found = self._load(sorted(finished))
            decided = sum(category_id in finished[asset_id] for asset_id in found)
            pictures = np.stack(list(found.values())) if found else np.zeros((0, len(self._pack.mean)), np.float32)
            category = self._taxonomy.categories[category_id]
            present = presence(pictures, category, self._taxonomy, pack=self._pack)
            self._looked_at[key] = dict(zip(found, looked_at(decided, present).tolist(), strict=True))
        return self._looked_at[key]
