"""Bulk accept: all suggestions above the threshold of a target precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from tagging_core.learning.suggestions import MIN_PROBABILITY, Suggester, settled_tags
from tagging_core.learning.thresholds import Threshold, Thresholds
from tagging_core.ledger import label_queries
from tagging_core.ledger.events import Kind
from tagging_core.review import queue
from tagging_core.review.decisions import Decision
from tagging_core.review.queue import View
from tagging_core.review.sampling import SamplingRates

POOL = 2000
"""Maximum number of waiting pictures per bulk accept."""


@dataclass(frozen=True, slots=True)
class BulkOffer:
    """What a bulk accept would do for one tag.

    Attributes:
        cut: The threshold, or the reason why there is none.
        pictures: Pictures that would get the tag, with its probability, most probable first; without a threshold,
            all pictures that have it suggested.
    """

    tag_id: str
    cut: Threshold
    pictures: list[tuple[int, float]]

    @property
    def allowed(self) -> bool:
        """Whether the target precision can be guaranteed for the tag."""
        return self.cut.probability is not None


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What a bulk accept would do.

    Attributes:
        looked_at: Number of waiting pictures considered.
        offers: Allowed ones first, then by number of pictures.
    """

    looked_at: int
    offers: list[BulkOffer]

    @property
    def allowed(self) -> list[BulkOffer]:
        """The offers that can be accepted."""
        return [offer for offer in self.offers if offer.allowed]


def preview(
    connection: Connection,
    suggester: Suggester,
    thresholds: Thresholds,
    *,
    view: View,
    rates: SamplingRates,
    without: Collection[int] = (),
) -> BulkPreview:
    """Preview a bulk accept of the next waiting pictures.

    Args:
        without: Pictures to exclude, such as those that others have leased.
    """
    pool = queue.assets_for_bulk(connection, replace(view, state="new"), rates, limit=POOL, without=without)
    scored = suggester.score(connection, pool, view.profile)
    matrix = scored.matrix
    decided = label_queries.labels_of(connection, scored.asset_ids)
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    in_play = [(row, matrix.tag_ids[row]) for row in matrix.in_play(matrix.taxonomy.profile(view.profile))]
    rows = [(row, tag_id) for row, tag_id in in_play if not matrix.taxonomy.tags[tag_id].sensitive]
    for asset_id, mine in zip(scored.asset_ids, scored.probabilities, strict=True):
        taken = settled_tags(decided.get(asset_id, {}), matrix.taxonomy)
        for row, tag_id in rows:
            if mine[row] >= max(MIN_PROBABILITY, thresholds.of(tag_id).probability or 0) and tag_id not in taken:
                found[tag_id].append((asset_id, float(mine[row])))
    offers = [BulkOffer(t, thresholds.of(t), sorted(p, key=lambda x: -x[1])) for t, p in found.items()]
    return BulkPreview(len(scored.asset_ids), sorted(offers, key=lambda o: (not o.allowed, -len(o.pictures))))


def decisions(offers: Sequence[BulkOffer], profile: str, target: float) -> list[Decision]:
    """Return the decisions that accept the offers, ordered by picture."""
    found = [
        Decision(
            Kind.ACCEPT,
            asset_id,
            offer.tag_id,
            profile=profile,
            payload={"probability": round(probability, 4), "unseen": target},
        )
        for offer in offers
        if offer.allowed
        for asset_id, probability in offer.pictures
    ]
    return sorted(found, key=lambda decision: decision.asset_id)
