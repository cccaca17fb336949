"""Which decided pictures a tag is fitted on: samples of bounded size that do not depend on order.

Each is the k rows with the smallest `sample` number, which comes from the picture's SHA-256, so the same set of
decisions always gives the same examples, and a fit costs the same however large the archive grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import Connection, select

from tagging_core.projection import IMPLICIT_SAMPLE
from tagging_core.store.tables import labels, reviews
from tagging_core.taxonomy import Tag, Taxonomy

IMPLICIT_WEIGHT = 0.5
"""Weight of a negative that nobody stated: the tag was left out of a finished review.

Measured with editors who overlook a fifth of what was not suggested (`benchmarks.calibration`)."""


class Kind(IntEnum):
    """Why a picture is an example."""

    POSITIVE = 0  # a person says the tag applies
    NEGATIVE = 1  # a person says it does not
    RIVAL = 2  # another tag of the exclusive category applies
    LEFT_OUT = 3  # a finished review left the tag out


MOST = {Kind.POSITIVE: 200, Kind.NEGATIVE: 300, Kind.RIVAL: 300}
"""Examples of a kind at most; of what was left out, IMPLICIT_SAMPLE a profile."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One example; `shown` tells that the tag was suggested to whoever decided."""

    asset_id: int
    kind: Kind
    shown: bool = True

    @property
    def label(self) -> int:
        """1 where the tag applies, else 0."""
        return int(self.kind == Kind.POSITIVE)

    @property
    def weight(self) -> float:
        """How much it counts when the tag is fitted, in (0, 1]."""
        return IMPLICIT_WEIGHT if self.kind == Kind.LEFT_OUT else 1.0


def choose(connection: Connection, tag: Tag, taxonomy: Taxonomy) -> list[Choice]:
    """A tag's examples by ascending asset id.

    A person's word on the tag itself comes first; then, in an exclusive category, pictures that have a rival;
    then finished reviews that left the tag out.
    """
    chosen: dict[int, Choice] = {}
    for kind in (Kind.POSITIVE, Kind.NEGATIVE):
        for asset_id, shown in _decided(connection, [tag.id], int(kind == Kind.POSITIVE), MOST[kind]):
            chosen[asset_id] = Choice(asset_id, kind, shown)
    if rivals := [other.id for other in taxonomy.siblings(tag)]:
        found = [asset_id for asset_id, _ in _decided(connection, rivals, 1, MOST[Kind.RIVAL])]
        _fill(connection, tag, chosen, found, Kind.RIVAL)
    for profile in taxonomy.profiles_with(tag.category_id):
        finished = select(reviews.c.asset_id).where(reviews.c.profile == profile.id)
        sample = connection.execute(finished.order_by(reviews.c.sample).limit(IMPLICIT_SAMPLE)).scalars()
        _fill(connection, tag, chosen, list(sample), Kind.LEFT_OUT)
    return [chosen[asset_id] for asset_id in sorted(chosen)]


def _decided(connection: Connection, tag_ids: list[str], value: int, limit: int) -> list[tuple[int, bool]]:
    query = select(labels.c.asset_id, labels.c.shown).where(labels.c.tag_id.in_(tag_ids), labels.c.value == value)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(labels.c.sample).limit(limit))]


def _fill(connection: Connection, tag: Tag, chosen: dict[int, Choice], asset_ids: list[int], kind: Kind) -> None:
    """Add negatives that nobody stated, except for pictures on which the tag itself was decided."""
    new = [asset_id for asset_id in asset_ids if asset_id not in chosen]
    query = select(labels.c.asset_id).where(labels.c.tag_id == tag.id, labels.c.asset_id.in_(new))
    decided = set(connection.execute(query).scalars()) if new else set()
    for asset_id in new:
        if asset_id not in decided:
            chosen[asset_id] = Choice(asset_id, kind)
