"""The reviewer's desk: decisions, undo, suggestions, explanations, and which picture comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tagging_core import ledger
from tagging_core.assets import repository
from tagging_core.assets.repository import Asset, AssetText
from tagging_core.common.users import Action, User, require
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Encoder
from tagging_core.learning import explanations, precision_targets
from tagging_core.learning.explanations import Explanation
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.suggestions import Suggester, Suggestion
from tagging_core.learning.thresholds import Thresholds
from tagging_core.ledger import history
from tagging_core.ledger.events import Look
from tagging_core.ledger.history import PastAct
from tagging_core.review import decision_groups, leases
from tagging_core.review import decisions as reviewing
from tagging_core.review.assignment import Assigner
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Card, Decision
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage import Database


class ReviewService:
    """What people who review call.

    Args:
        database: The store of record.
        library: Is taught by decisions.
        suggester: Suggests tags.
        encoder: Gives the loaded encoder, for texts.
        shares: Sizes of the samples that keep accuracy honest.
    """

    def __init__(
        self,
        database: Database,
        library: TagLibrary,
        suggester: Suggester,
        encoder: Callable[[], Encoder],
        shares: SamplingRates,
    ) -> None:
        self.database, self.shares = database, shares
        self._text_encoder = encoder
        self.use(library, suggester)

    def use(self, library: TagLibrary, suggester: Suggester) -> None:
        """Go on with another model's library; what is under way ends with the one it began with."""
        self.library, self.suggester = library, suggester
        self.turns = Assigner(self.database, library, self.shares)
        self._promises: tuple[int, dict[tuple[str, float], Thresholds]] = (-1, {})
        self.instructed: list[TagLibrary] = []  # of profiles whose own instruction suggestions are made under

    def wake(self) -> None:
        """Tell whoever works in the background that there is work."""

    def decide(self, user: User, decision: Decision) -> int:
        """Write a decision and teach its tags at once; what else follows is taught within moments.

        Returns:
            The ledger event's id, for `undo`.
        """
        with self.database.write(durable=True) as connection:
            taxonomy = self.library.taxonomies.load(connection)
            event_id = reviewing.decide(connection, user, decision, taxonomy, shares=self.shares)
        self.teach([decision.tag_id, decision.other_tag_id])
        return event_id

    def undo(self, user: User, event_id: int, uid: str = "") -> int:
        """Take a decision back, also from what was learned."""
        with self.database.write(durable=True) as connection:
            undone = reviewing.undo(connection, user, event_id, self.library.taxonomies.load(connection), uid)
            target = reviewing.target_of(connection, undone)
        self.teach([target.tag_id, target.other_tag_id])
        return undone

    def decide_many(self, user: User, decisions: Sequence[Decision]) -> DecisionGroup:
        """Write decisions as one act, all or none, and fit what they teach once."""
        with self.database.write(durable=True) as connection:
            taxonomy = self.library.taxonomies.load(connection)
            act = decision_groups.decide_many(connection, user, decisions, taxonomy, self.shares)
        self.teach(act.tag_ids)
        return act

    def undo_act(self, user: User, act_id: str) -> DecisionGroup:
        """Take all that one gesture decided back; the result can itself be taken back."""
        with self.database.write(durable=True) as connection:
            act = decision_groups.undo_act(connection, user, act_id, self.library.taxonomies.load(connection))
        self.teach(act.tag_ids)
        return act

    def undo_period(self, user: User, actor: str, since: datetime, until: datetime) -> DecisionGroup:
        """Take back what a person decided in a period (UTC without zone); that of others takes an operator."""
        require(user, Action.REVIEW if actor == user.name else Action.OPERATE)
        with self.database.write(durable=True) as connection:
            taxonomy = self.library.taxonomies.load(connection)
            act = decision_groups.undo_period(connection, user, actor, since, until, taxonomy)
        self.teach(act.tag_ids)
        return act

    def suggest(self, asset_id: int, profile: str) -> list[Suggestion]:
        """A picture's suggestions at the library's latest revision, kept as shown.

        Raises:
            NotFoundError: There is no such picture or profile.
        """
        with self.database.write(serialized=False) as connection:
            repository.get(connection, asset_id, lock=True)
            return self.suggester.suggest(connection, [asset_id], profile).get(asset_id, [])

    def card(self, user: User, asset_id: int, profile: str, look: Look | None = None) -> Card:
        """What a review shows of a picture, suggestions fresh; it is leased to the person, if nobody else has it.

        Args:
            look: As `Turns.next` said; where a second opinion of this person is due, it is taken as such anyway.
        """
        with self.database.write(serialized=False) as connection:
            asset = repository.get(connection, asset_id, lock=True)
            mine = leases.take(connection, user, [asset_id])
            holder = None if mine else leases.holder(connection, user, asset_id)
            if asset.review == "second" or look is not None:
                redirects = self.library.taxonomies.load(connection).redirects
                standing = ledger.fold(ledger.history_of(connection, asset_id), redirects)
                if asset.review == "second":
                    look = None if standing.first == user.name else Look.SECOND
            if look is None:
                decided = reviewing.labels_of(connection, asset_id)
            else:
                decided = standing.looks.get(user.name, {})
            finished = asset.review == "done" and look is None
            blind = not finished and self.shares.is_blind(asset.sample)
            if blind and decided:
                # What is hidden stays what the machine said before it was told anything of this picture.
                return Card(asset, decided, [], blind, look, holder)
            found = self.suggester.suggest(connection, [asset_id], profile, {asset_id: decided}).get(asset_id, [])
            return Card(asset, decided, [] if blind else found, blind, look, holder)

    def acts_of(self, user: User) -> list[PastAct]:
        """The user's latest acts, latest first."""
        with self.database.read() as connection:
            return history.recent_acts(connection, user)

    def toggle_act(self, user: User, past: PastAct) -> None:
        """Take an act back, or bring one back that was taken back.

        Raises:
            DecisionError: Somebody was faster.
        """
        if past.act is not None:
            self.undo_act(user, past.act if past.stands else past.undo_act or "")
        else:
            self.undo(user, past.latest.id if past.stands else past.undo_id or 0)

    def undo_last(self, user: User) -> PastAct | None:
        """Take the user's latest act back that stands; None if there is none."""
        with self.database.read() as connection:
            last = history.last_standing(connection, user)
        if last is not None:
            self.toggle_act(user, last)
        return last

    def set_text(self, user: User, asset_id: int, text: AssetText) -> Asset:
        """Replace the text that belongs to a picture; suggestions take it into account from then on."""
        sentence = text.clean().sentence()
        vector = self._text_encoder().encode_passages([sentence]) if sentence else None
        with self.database.write(durable=True) as connection:
            reviewing.set_text(connection, user, asset_id, text, self.library.taxonomies.load(connection))
            vectors.replace_text(connection, self.library.fingerprint, asset_id, vector)
            return repository.get(connection, asset_id)

    def explain(self, asset_id: int, tag_id: str, limit: int = 12) -> Explanation:
        """Why a picture has a tag's probability: the decided pictures that carry it, `limit` of them at most.

        Raises:
            NotFoundError: There is no such tag or picture.
        """
        with self.database.read() as connection:
            return explanations.explain(connection, self.library, asset_id, tag_id, limit)

    def promise(self, profile: str, target: float) -> Thresholds:
        """From which probability on `target` of the suggestions are right, as far as history can tell."""
        revision = self.library.matrix().revision
        if self._promises[0] != revision:
            self._promises = (revision, {})
        known = self._promises[1]
        if (profile, target) not in known:
            with self.database.read() as connection:
                library = self.suggester.library(connection, profile)
                known[profile, target] = precision_targets.thresholds_for_precision(
                    connection, library, profile, target
                )
        return known[profile, target]

    def teach(self, tag_ids: Iterable[str | None]) -> None:
        """Fit tags at once after a decision; what else follows from it is fitted within moments."""
        named = [tag_id for tag_id in tag_ids if tag_id]
        if named:
            with self.database.read() as connection:
                redirects = self.library.taxonomies.load(connection).redirects
            named = [found for tag_id in named if (found := redirects.resolve(tag_id))]
        for library in (self.library, *self.instructed):
            library.settle(named)
        self.wake()
