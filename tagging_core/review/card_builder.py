"""Builds what a review shows of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from tagging_core import ledger
from tagging_core.assets import repository as assets
from tagging_core.assets.repository import Asset
from tagging_core.common.users import User
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.best_guesses import best_guesses
from tagging_core.learning.exclusive_choices import ExclusiveChoices
from tagging_core.learning.suggestions import Scores
from tagging_core.ledger import label_queries
from tagging_core.ledger.events import Label, Look
from tagging_core.review import leases
from tagging_core.review.assignment import Assignment
from tagging_core.review.card import Card
from tagging_core.review.sampling import SamplingRates
from tagging_core.review.shown import Shown
from tagging_core.storage import Database


class CardBuilder:
    """Builds cards.

    Args:
        database: The store of record.
        model: The active model.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._model = database, model
        self._choices = ExclusiveChoices()

    def build(self, user: User, turns: Sequence[Assignment], profile: str, *, rates: SamplingRates) -> list[Card]:
        """Return cards, and lease their assets unless another user has.

        Args:
            user: Holder of the leases.
            turns: The assets, each at most once; a look is overridden where a second opinion is due.
            profile: Selects the categories.
            rates: Say whether an asset belongs to the blind sample.

        Returns:
            The cards in the order of `turns`; unknown assets are left out.
        """
        ids = [turn.asset_id for turn in turns]
        with self._database.write(serialized=False) as connection:
            known = {asset.id: asset for asset in assets.get_many(connection, ids)}
            mine = set(leases.take(connection, user, list(known)))
            others = leases.of_others(connection, user) if len(mine) < len(known) else {}
        with self._database.read() as connection:
            labels = label_queries.labels_of(connection, ids)
            decided: dict[int, dict[str, Label]] = {}
            looks: dict[int, Look | None] = {}
            for turn in turns:
                if asset := known.get(turn.asset_id):
                    decided[asset.id], looks[asset.id] = self._decided(
                        connection, user, asset, look=turn.look, labels=labels.get(asset.id, {})
                    )
            found = self._model.suggester.suggest(connection, list(decided), profile, decided=decided)
            cards = []
            for asset_id, standing in decided.items():
                asset, look = known[asset_id], looks[asset_id]
                blind = not (asset.review == "done" and look is None) and rates.is_blind(asset.sample)
                shown = Shown(asset_id, profile, tuple(found.get(asset_id, [])), blind, look)
                cards.append(Card(asset, standing, shown, blind, look, others.get(asset_id)))
            return self._with_guesses(connection, cards, profile)

    def _decided(
        self, connection: Connection, user: User, asset: Asset, *, look: Look | None, labels: dict[str, Label]
    ) -> tuple[dict[str, Label], Look | None]:
        """The labels that the user sees, and the kind of independent review."""
        if asset.review == "second" or look is not None:
            redirects = self._model.load_taxonomy(connection).redirects
            state = ledger.fold(ledger.history_of(connection, asset.id), redirects)
            if asset.review == "second":
                look = None if state.first == user.name else Look.SECOND
            if look:
                return state.looks.get(user.name, {}), look
        return labels, None

    def _with_guesses(self, connection: Connection, cards: list[Card], profile: str) -> list[Card]:
        """Add what is likeliest in open exclusive categories, and overall where nothing is suggested."""
        suggester = self._model.suggester
        needing = [card for card in cards if not card.blind and self._needs_guesses(card, profile)]
        if not needing:
            return cards
        scores = suggester.score(connection, [card.asset.id for card in needing], profile)
        found: dict[int, Card] = {}
        for card in needing:
            if card.asset.id in scores.asset_ids:
                own = _of_one(scores, card.asset.id)
                choices = self._choices.of(
                    connection,
                    lambda: suggester.library(connection, profile),
                    own,
                    profile_id=profile,
                    decided=card.decided,
                )
                guesses = None if card.suggestions else best_guesses(own, profile, card.decided)
                found[card.asset.id] = replace(card, choices=choices, guesses=guesses)
        return [found.get(card.asset.id, card) for card in cards]

    def _needs_guesses(self, card: Card, profile: str) -> bool:
        """Whether nothing is suggested, or an exclusive category has no accepted tag."""
        taxonomy = self._model.suggester.taxonomy()
        accepted = {taxonomy.tags[t].category_id for t, d in card.decided.items() if d.value and t in taxonomy.tags}
        open_ones = set(taxonomy.profile(profile).categories) - accepted
        return not card.suggestions or any(taxonomy.categories[c].exclusive for c in open_ones)


def _of_one(scores: Scores, asset_id: int) -> Scores:
    row = scores.asset_ids.index(asset_id)
    return replace(
        scores,
        asset_ids=[asset_id],
        vectors=scores.vectors[[row]],
        probabilities=scores.probabilities[[row]],
    )
