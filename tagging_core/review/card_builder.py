"""Builds what a review shows of an asset."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from tagging_core import ledger
from tagging_core.assets import repository as assets
from tagging_core.assets.repository import Asset
from tagging_core.common.users import User
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.best_guesses import best_guesses
from tagging_core.learning.exclusive_choices import ExclusiveChoices
from tagging_core.ledger.events import Label, Look
from tagging_core.review import decisions, leases
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

    def build(self, user: User, asset_id: int, profile: str, *, look: Look | None, rates: SamplingRates) -> Card:
        """Return an asset's card, and lease the asset unless another user has.

        Args:
            user: Holder of the lease.
            asset_id: The asset.
            profile: Selects the categories.
            look: From the assignment; overridden where a second opinion is due.
            rates: Say whether the asset belongs to the blind sample.
        """
        with self._database.write(serialized=False) as connection:
            asset = assets.get(connection, asset_id)
            mine = leases.take(connection, user, [asset_id])
            holder = None if mine else leases.holder(connection, user, asset_id)
        with self._database.read() as connection:
            decided, look = self._decided(connection, user, asset, look=look)
            blind = not (asset.review == "done" and look is None) and rates.is_blind(asset.sample)
            suggester = self._model.suggester
            found = suggester.suggest(connection, [asset_id], profile, decided={asset_id: decided})
            shown = Shown(asset_id, profile, tuple(found.get(asset_id, [])), blind)
            card = Card(asset, decided, shown, blind, look, holder)
            return card if blind else self._with_guesses(connection, card, profile)

    def _decided(
        self, connection: Connection, user: User, asset: Asset, *, look: Look | None
    ) -> tuple[dict[str, Label], Look | None]:
        """The labels that the user sees, and the kind of independent review."""
        if asset.review == "second" or look is not None:
            redirects = self._model.load_taxonomy(connection).redirects
            state = ledger.fold(ledger.history_of(connection, asset.id), redirects)
            if asset.review == "second":
                look = None if state.first == user.name else Look.SECOND
            if look:
                return state.looks.get(user.name, {}), look
        return decisions.labels_of(connection, asset.id), None

    def _with_guesses(self, connection: Connection, card: Card, profile: str) -> Card:
        """Add what is likeliest in open exclusive categories, and overall if nothing is suggested."""
        suggester = self._model.suggester
        taxonomy = suggester.taxonomy()
        accepted = {taxonomy.tags[t].category_id for t, d in card.decided.items() if d.value and t in taxonomy.tags}
        categories = set(taxonomy.profile(profile).categories) - accepted
        if card.suggestions and not any(taxonomy.categories[c].exclusive for c in categories):
            return card
        scores = suggester.score(connection, [card.asset.id], profile)
        if not scores.asset_ids:
            return card
        choices = self._choices.of(
            connection,
            lambda: suggester.library(connection, profile),
            scores,
            profile_id=profile,
            decided=card.decided,
        )
        guesses = None if card.suggestions else best_guesses(scores, profile, card.decided)
        return replace(card, choices=choices, guesses=guesses)
