"""Samples for unbiased accuracy: some pictures are reviewed without suggestions (blind), some twice.

Membership derives from the picture's SHA-256: deterministic, stable across rebuilds and independent of the content.
Each sample uses different digits, so that samples are independent of each other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, or_, select

from tagging_core.common.users import User
from tagging_core.storage.schema import assets, events, reviews

_PARTS = 10_000
_OWN_AFTER = timedelta(days=7)
"""Minimum age of a user's own reviews that are repeated as a quality check, so that they are hardly remembered."""


@dataclass(frozen=True, slots=True)
class SamplingRates:
    """Sampling rates, each in [0, 1].

    Attributes:
        blind: Share of pictures reviewed without suggestions.
        known: Share of assignments that repeat a finished picture as a quality check.
        second: Share of pictures that need a second opinion.
    """

    blind: float = 0.03
    known: float = 0.02
    second: float = 0.0

    def is_blind(self, sample: int) -> bool:
        """Return whether a picture is reviewed without suggestions.

        Args:
            sample: The asset's sample number, 60 random bits.

        Returns:
            True for the share `blind` of all sample numbers.
        """
        return sample % _PARTS < self.blind * _PARTS

    def needs_second_opinion(self, sample: int) -> bool:
        """Return whether a picture needs a second opinion.

        Args:
            sample: The asset's sample number, 60 random bits.

        Returns:
            True for the share `second` of all sample numbers, independently of `is_blind`.
        """
        return sample // _PARTS % _PARTS < self.second * _PARTS

    def not_blind(self) -> ColumnElement[bool]:
        """Return the SQL condition that excludes the blind sample.

        Returns:
            A condition on the table `assets`, the negation of `is_blind`.
        """
        return assets.c.sample % _PARTS >= self.blind * _PARTS


def known_picture(connection: Connection, user: User, profile: str) -> int | None:
    """Return a random finished picture for a quality check, by another user or by this one long ago.

    Pictures on which the user made any recent decision are excluded.
    """
    start = random.getrandbits(60)
    long_ago = datetime.now(UTC).replace(tzinfo=None) - _OWN_AFTER
    recent = select(events.c.asset_id).where(events.c.actor == user.name, events.c.at >= long_ago)
    for condition in (reviews.c.sample >= start, reviews.c.sample < start):
        query = (
            select(reviews.c.asset_id)
            .join(assets, assets.c.id == reviews.c.asset_id)
            .join(events, events.c.id == reviews.c.event_id)
            .where(condition, reviews.c.profile == profile, assets.c.review == "done")
            .where(or_(events.c.actor != user.name, events.c.at < long_ago), reviews.c.asset_id.not_in(recent))
            .order_by(reviews.c.sample)
            .limit(1)
        )
        if (found := connection.execute(query).scalar()) is not None:
            return int(found)
    return None
