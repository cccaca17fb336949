"""Which pictures keep accuracy honest: some are shown without suggestions, some are looked at twice.

Membership follows from the picture's SHA-256: it is the same for everybody and after any rebuild, and has nothing
to do with what the picture shows. Different digits serve different samples, so that they are independent.
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
"""A person's own finished pictures come back to them after so long, when they are hardly remembered."""


@dataclass(frozen=True, slots=True)
class SamplingRates:
    """Sizes of the samples, each in [0, 1].

    Attributes:
        blind: Of all pictures, shown without suggestions.
        known: Of the pictures handed out, finished ones mixed in among new ones.
        second: Of all pictures, those that take a second opinion before they are done.
    """

    blind: float = 0.03
    known: float = 0.02
    second: float = 0.0

    def is_blind(self, sample: int) -> bool:
        """Whether a picture is shown without suggestions, by its sample number."""
        return sample % _PARTS < self.blind * _PARTS

    def needs_second_opinion(self, sample: int) -> bool:
        """Whether a picture takes a second opinion, by its sample number."""
        return sample // _PARTS % _PARTS < self.second * _PARTS

    def not_blind(self) -> ColumnElement[bool]:
        """As a condition on assets."""
        return assets.c.sample % _PARTS >= self.blind * _PARTS


def known_picture(connection: Connection, user: User, profile: str) -> int | None:
    """A finished picture to mix in among new ones: one that somebody else finished, or the user long ago.

    Never one that the user said anything about in the last days.
    """
    start = random.getrandbits(60)
    long_ago = datetime.now(UTC).replace(tzinfo=None) - _OWN_AFTER
    mine = select(events.c.asset_id).where(events.c.actor == user.name, events.c.at >= long_ago)
    for condition in (reviews.c.sample >= start, reviews.c.sample < start):
        query = (
            select(reviews.c.asset_id)
            .join(assets, assets.c.id == reviews.c.asset_id)
            .join(events, events.c.id == reviews.c.event_id)
            .where(condition, reviews.c.profile == profile, assets.c.review == "done")
            .where(or_(events.c.actor != user.name, events.c.at < long_ago), reviews.c.asset_id.not_in(mine))
            .order_by(reviews.c.sample)
            .limit(1)
        )
        if (found := connection.execute(query).scalar()) is not None:
            return int(found)
    return None
