"""What a review shows of one asset."""

from __future__ import annotations

from dataclasses import dataclass, field

from tagging_core.assets.repository import Asset
from tagging_core.learning.exclusive_choices import Choices
from tagging_core.learning.suggestions import Suggestion
from tagging_core.ledger.events import Label, Look
from tagging_core.review.leases import Lease
from tagging_core.review.shown import Shown


@dataclass(frozen=True, slots=True)
class Card:
    """What a review shows of one asset.

    Attributes:
        decided: Labels by tag id; in an independent review, those of this user.
        shown: The suggestions, hidden for the blind sample; each decision made on the card returns it.
        blind: Whether the asset belongs to the blind sample.
        look: Set for an independent review, which hides earlier decisions.
        holder: Another user's lease, which makes the card read-only; None if there is none.
        choices: The likeliest tags of each exclusive category without an accepted tag, by category id; empty for
            the blind sample and while the asset has no vector.
        guesses: If nothing is suggested, the likeliest tags with their probabilities in (0, 1); None while the
            asset has no vector, or if there are suggestions.
    """

    asset: Asset
    decided: dict[str, Label]
    shown: Shown
    blind: bool = False
    look: Look | None = None
    holder: Lease | None = None
    choices: dict[str, Choices] = field(default_factory=dict)
    guesses: list[tuple[str, float]] | None = None

    @property
    def suggestions(self) -> list[Suggestion]:
        """The suggestions to display, best first; empty for the blind sample."""
        return [] if self.shown.hidden else list(self.shown)
