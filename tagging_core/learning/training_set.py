"""Training sets: bounded, deterministic samples of the decided pictures of a tag.

Each sample is the k rows with the smallest `sample` number, derived from the picture's SHA-256. The same decisions
always give the same examples, and the cost of a fit does not grow with the archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import Connection, literal, select, union_all

from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors
from tagging_core.ledger.projection import IMPLICIT_SAMPLE
from tagging_core.storage.schema import labels, reviews
from tagging_core.taxonomy.model import Tag, Taxonomy

IMPLICIT_WEIGHT = 0.5
"""Weight of an implicit negative: a finished review did not include the tag.

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
    """One example; `shown` says whether the tag was suggested to the reviewer."""

    asset_id: int
    kind: ExampleKind
    shown: bool = True

    @property
    def label(self) -> int:
        """1 where the tag applies, else 0."""
        return int(self.kind == ExampleKind.POSITIVE)

    @property
    def weight(self) -> float:
        """Sample weight in (0, 1]."""
        return IMPLICIT_WEIGHT if self.kind == ExampleKind.LEFT_OUT else 1.0


class TrainingSetSampler:
    """Reads the examples of tags; caches finished reviews and vectors between tags.

    Args:
        connection: A read or write transaction, used as long as the sampler.
        taxonomy: Resolves the rivals of a tag.
        fingerprint: Fingerprint of the vector space of the vectors.
    """

    def __init__(self, connection: Connection, taxonomy: Taxonomy, fingerprint: str) -> None:
        self._connection, self._taxonomy, self._fingerprint = connection, taxonomy, fingerprint
        self._finished: dict[str, list[int]] = {}
        self._vectors: dict[int, Vectors] = {}

    def of(self, tag: Tag) -> tuple[list[TrainingExample], list[Vectors]]:
        """Return a tag's examples that have a vector, by ascending asset id, and these vectors `(d,)`."""
        choices = self._select(tag)
        missing = [choice.asset_id for choice in choices if choice.asset_id not in self._vectors]
        self._vectors |= vectors.load(self._connection, self._fingerprint, missing)
        usable = [choice for choice in choices if choice.asset_id in self._vectors]
        return usable, [self._vectors[choice.asset_id] for choice in usable]

    def _select(self, tag: Tag) -> list[TrainingExample]:
        """Explicit decisions take precedence over accepted rivals, and these over finished reviews."""
        rivals = [other.id for other in self._taxonomy.siblings(tag)]
        decided = self._decided(tag.id, rivals)
        stated = (ExampleKind.POSITIVE, ExampleKind.NEGATIVE)
        chosen = {a: TrainingExample(a, kind, shown) for kind in stated for a, shown in decided[kind]}
        self._add_implicit(tag, chosen, [a for a, _ in decided[ExampleKind.RIVAL]], kind=ExampleKind.RIVAL)
        for profile in self._taxonomy.profiles_with(tag.category_id):
            self._add_implicit(tag, chosen, self._finished_under(profile.id), kind=ExampleKind.LEFT_OUT)
        return [chosen[asset_id] for asset_id in sorted(chosen)]

    def _finished_under(self, profile_id: str) -> list[int]:
        if profile_id not in self._finished:
            query = select(reviews.c.asset_id).where(reviews.c.profile == profile_id)
            query = query.order_by(reviews.c.sample).limit(IMPLICIT_SAMPLE)
            self._finished[profile_id] = list(self._connection.execute(query).scalars())
        return self._finished[profile_id]

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

    def _add_implicit(
        self, tag: Tag, chosen: dict[int, TrainingExample], asset_ids: list[int], *, kind: ExampleKind
    ) -> None:
        """Add implicit negatives, except for pictures on which the tag itself was decided."""
        new = [asset_id for asset_id in asset_ids if asset_id not in chosen]
        query = select(labels.c.asset_id).where(labels.c.tag_id == tag.id, labels.c.asset_id.in_(new))
        decided = set(self._connection.execute(query).scalars()) if new else set()
        for asset_id in new:
            if asset_id not in decided:
                chosen[asset_id] = TrainingExample(asset_id, kind)
