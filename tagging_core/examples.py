"""Which decided pictures a tag is fitted on: samples of bounded size that do not depend on order.

Each is the k rows with the smallest `sample` number, which comes from the picture's SHA-256, so the same set of
decisions always gives the same examples, and a fit costs the same however large the archive grows.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from tagging_core.learner import IMPLICIT_WEIGHT
from tagging_core.projection import IMPLICIT_SAMPLE
from tagging_core.store.tables import labels, reviews
from tagging_core.taxonomy import Tag, Taxonomy

POSITIVES = 200
NEGATIVES = 300


@dataclass(frozen=True, slots=True)
class Choice:
    """One example: the asset, whether the tag applies (1 or 0), and how much that counts, in (0, 1]."""

    asset_id: int
    label: int
    weight: float


def choose(connection: Connection, tag: Tag, taxonomy: Taxonomy) -> list[Choice]:
    """A tag's examples by ascending asset id.

    A person's word on the tag itself comes first; then, in an exclusive category, pictures that have a rival;
    then finished reviews that left the tag out, at less weight.
    """
    chosen: dict[int, Choice] = {}
    for value, limit in ((1, POSITIVES), (0, NEGATIVES)):
        for asset_id in _decided(connection, [tag.id], value, limit):
            chosen[asset_id] = Choice(asset_id, value, 1.0)
    rivals = [other.id for other in taxonomy.siblings(tag)]
    _fill(connection, tag, chosen, _decided(connection, rivals, 1, NEGATIVES) if rivals else [], 1.0)
    for profile in taxonomy.profiles_with(tag.category_id):
        finished = select(reviews.c.asset_id).where(reviews.c.profile == profile.id)
        sample = connection.execute(finished.order_by(reviews.c.sample).limit(IMPLICIT_SAMPLE)).scalars()
        _fill(connection, tag, chosen, list(sample), IMPLICIT_WEIGHT)
    return [chosen[asset_id] for asset_id in sorted(chosen)]


def _decided(connection: Connection, tag_ids: list[str], value: int, limit: int) -> list[int]:
    query = select(labels.c.asset_id).where(labels.c.tag_id.in_(tag_ids), labels.c.value == value)
    return list(connection.execute(query.order_by(labels.c.sample).limit(limit)).scalars())


def _fill(connection: Connection, tag: Tag, chosen: dict[int, Choice], asset_ids: list[int], weight: float) -> None:
    """Add negatives that nobody stated, except for pictures on which the tag itself was decided."""
    new = [asset_id for asset_id in asset_ids if asset_id not in chosen]
    query = select(labels.c.asset_id).where(labels.c.tag_id == tag.id, labels.c.asset_id.in_(new))
    decided = set(connection.execute(query).scalars()) if new else set()
    for asset_id in new:
        if asset_id not in decided:
            chosen[asset_id] = Choice(asset_id, 0, weight)
