"""Review: decisions, undo, suggestions, explanations, and which picture comes next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from tagging_core.assets import repository as assets
from tagging_core.assets.repository import Asset, AssetText
from tagging_core.common.users import User, require
from tagging_core.embeddings import vectors
from tagging_core.errors import NotFoundError
from tagging_core.learning import explanations, precision_targets
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.explanations import Explanation
from tagging_core.learning.thresholds import Threshold, Thresholds
from tagging_core.ledger import history
from tagging_core.ledger.events import Look
from tagging_core.ledger.history import UserAction
from tagging_core.review import decision_groups, decisions, queue, retractions
from tagging_core.review.assignment import Assigner, Assignment
from tagging_core.review.card import Card
from tagging_core.review.card_builder import CardBuilder
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Decision
from tagging_core.review.editor_record import EditorRecord
from tagging_core.review.queue import QueueProgress
from tagging_core.review.sampling import SamplingRates
from tagging_core.review.shown import Shown
from tagging_core.storage import Database


class ReviewService:
    """Reviews pictures: suggestions, decisions, undo and explanations.

    Decisions, undos and edits raise NotAllowedError if the user may not review. Decisions raise DecisionError and
    LeasedError as `decisions.decide` does, undos DecisionError as `retractions.undo` does. An unknown asset, tag or
    profile raises NotFoundError; a target precision outside (0, 1), TargetError. Tags are fitted after the commit:
    an EncoderError then means that a tag's text could not be embedded, but the decision is stored.

    Args:
        database: The store of record.
        model: The active model, fitted on every decision.
        rates: Sampling rates of the accuracy measurement.
        wake: Wakes the background worker.
    """

    def __init__(
        self, database: Database, model: ActiveModel, rates: SamplingRates, *, wake: Callable[[], None]
    ) -> None:
        self.database, self.model, self.rates, self.wake = database, model, rates, wake
        self.assigner = Assigner(database, model.library, rates)
        self.cards = CardBuilder(database, model)
        self.record = EditorRecord(database, model)
        self._thresholds: tuple[int, dict[tuple[str, float], Thresholds]] = (-1, {})

    def decide(self, user: User, decision: Decision) -> int:
        """Write a decision and fit its tags at once.

        Args:
            decision: On a picture that nobody else has leased.

        Returns:
            The ledger event's id, for `undo`; that of the earlier event for a duplicate or a no-op.
        """
        with self.database.write(durable=True) as connection:
            taxonomy = self.model.load_taxonomy(connection)
            event_id = decisions.decide(connection, user, decision, taxonomy=taxonomy, rates=self.rates)
        self.model.fit([decision.tag_id, decision.other_tag_id], taxonomy)
        self.wake()
        return event_id

    def undo(self, user: User, event_id: int, uid: str = "") -> int:
        """Undo a decision and refit its tags.

        Args:
            event_id: Id of the decision, or of an undo to revert.
            uid: Idempotency key; a new one if empty.

        Returns:
            The undo event's id, which can itself be undone.
        """
        with self.database.write(durable=True) as connection:
            taxonomy = self.model.load_taxonomy(connection)
            undone = retractions.undo(connection, user, event_id, taxonomy=taxonomy, uid=uid)
            target = retractions.target_of(connection, undone)
        self.model.fit([target.tag_id, target.other_tag_id], taxonomy)
        self.wake()
        return undone

    def decide_many(self, user: User, wanted: Sequence[Decision]) -> DecisionGroup:
        """Write decisions as one group, all or none, and fit their tags once.

        Args:
            wanted: On pictures that nobody else has leased, in the order in which they are written.

        Returns:
            The group, for `undo_group`; duplicates and no-ops are not among its events.
        """
        with self.database.write(durable=True) as connection:
            taxonomy = self.model.load_taxonomy(connection)
            group = decision_groups.decide_many(connection, user, wanted, taxonomy=taxonomy, rates=self.rates)
        self.model.fit(group.tag_ids, taxonomy)
        self.wake()
        return group

    def undo_group(self, user: User, group_id: str) -> DecisionGroup:
        """Undo all decisions of a group that are still in effect.

        Args:
            group_id: Id of a decision group, or of the undo of one, which restores its decisions.

        Returns:
            The group of undo events, which can itself be undone.
        """
        with self.database.write(durable=True) as connection:
            taxonomy = self.model.load_taxonomy(connection)
            group = decision_groups.undo_group(connection, user, group_id, taxonomy=taxonomy)
        self.model.fit(group.tag_ids, taxonomy)
        self.model.library.calibrate()  # moved by many decisions; what was before is expected back
        self.wake()
        return group

    def undo_period(self, user: User, actor: str, since: datetime, *, until: datetime) -> DecisionGroup:
        """Undo what a user decided in a period.

        Args:
            actor: Whose decisions are undone; if not the user's own, the user needs the right to run the system.
            since: Start of the period, inclusive; like `until`, its exclusive end, in naive UTC.

        Returns:
            The group of undo events, which can itself be undone.
        """
        require(user, retractions.undo_right(user, actor))
        with self.database.write(durable=True) as connection:
            taxonomy = self.model.load_taxonomy(connection)
            group = decision_groups.undo_period(
                connection, user, actor, since=since, until=until, taxonomy=taxonomy
            )
        self.model.fit(group.tag_ids, taxonomy)
        self.wake()
        return group

    def suggest(self, asset_id: int, profile: str) -> Shown:
        """Return an asset's suggestions at the library's latest revision; read-only.

        Args:
            profile: Selects the categories.

        Returns:
            Suggestions, best first, also for the blind sample; empty until the asset is embedded.
        """
        with self.database.read() as connection:
            assets.get(connection, asset_id)
            found = self.model.suggester.suggest(connection, [asset_id], profile)
        return Shown(asset_id, profile, tuple(found.get(asset_id, [])))

    def card(self, user: User, asset_id: int, profile: str, *, look: Look | None = None) -> Card:
        """Return what a review shows of an asset, and lease it unless another user has.

        Args:
            user: Holder of the lease; rights are not checked.
            profile: Selects the categories.
            look: From the assignment; overridden where a second opinion is due.

        Returns:
            The card; its `holder` is set if another user has the lease.
        """
        found = self.cards.build(user, [Assignment(asset_id, look)], profile, rates=self.rates)
        if not found:
            raise NotFoundError(f"There is no picture {asset_id}.")
        return found[0]

    def progress(self, batch_id: int | None = None) -> QueueProgress:
        """Count pictures by review state.

        Args:
            batch_id: Only this batch; None for all pictures.

        Returns:
            The counts, in constant time; all 0 for an unknown batch.
        """
        with self.database.read() as connection:
            return queue.progress(connection, batch_id)

    def recent_actions(self, user: User) -> list[UserAction]:
        """Return a user's latest actions.

        Args:
            user: The user whose actions are listed.

        Returns:
            At most 50, latest first; undos are not listed but reflected in `in_effect`.
        """
        with self.database.read() as connection:
            return history.recent_actions(connection, user)

    def toggle_act(self, user: User, past: UserAction) -> None:
        """Undo an action, or restore one that was undone.

        Args:
            past: From `recent_actions`; refused with DecisionError if it was undone or restored since.
        """
        if past.group_id is not None:
            self.undo_group(user, past.group_id if past.in_effect else past.undo_group_id or "")
        else:
            self.undo(user, past.latest.id if past.in_effect else past.undo_id or 0)

    def undo_last(self, user: User) -> UserAction | None:
        """Undo the user's latest action that is still in effect.

        Args:
            user: Needs the right to review.

        Returns:
            The action, as it was before the undo; None if no recent one is in effect.
        """
        with self.database.read() as connection:
            last = history.last_undoable(connection, user)
        if last is not None:
            self.toggle_act(user, last)
        return last

    def set_text(self, user: User, asset_id: int, text: AssetText) -> Asset:
        """Replace an asset's text; later suggestions take it into account.

        Args:
            text: Replaces all three parts, trimmed and cut to length; an EncoderError leaves the old ones.

        Returns:
            The asset, with the text as stored.
        """
        sentence = text.clean().sentence()
        vector = self.model.encoder().encode_passages([sentence]) if sentence else None
        with self.database.write(durable=True) as connection:
            decisions.set_text(connection, user, asset_id, text=text, taxonomy=self.model.load_taxonomy(connection))
            vectors.replace_text(connection, self.model.fingerprint, asset_id, matrix=vector)
            return assets.get(connection, asset_id)

    def explain(self, asset_id: int, tag_id: str, limit: int = 12) -> Explanation:
        """Explain a tag's probability on an asset, from the image alone, by decided assets.

        Args:
            tag_id: An active, fitted tag; the id of a merged one is redirected.
            limit: Maximum number of decided assets to list.

        Returns:
            The probability, and the logits of the tag's text and of the examples that it comes from.
        """
        with self.database.read() as connection:
            return explanations.explain(connection, self.model.library, asset_id, tag_id=tag_id, limit=limit)

    def thresholds(self, profile: str, target: float) -> Thresholds:
        """Return the thresholds for a target precision, cached by library revision.

        Args:
            profile: Its finished reviews are the evidence.
            target: Precision in (0, 1), such as 0.97; tags with a higher target of their own keep that.

        Returns:
            The pooled threshold, and those of tags for which it is not used.
        """
        revision = self.model.library.matrix().revision
        if self._thresholds[0] != revision:
            self._thresholds = (revision, {})
        known = self._thresholds[1]
        if (profile, target) not in known:
            with self.database.read() as connection:
                library = self.model.suggester.library(connection, profile)
                known[profile, target] = precision_targets.thresholds_for_precision(
                    connection, library, profile, target=target
                )
        return known[profile, target]

    def threshold_of(self, tag_id: str, profile: str, target: float) -> Threshold:
        """Return the threshold that a tag's own decisions support, without those of other tags.

        Args:
            tag_id: An active tag; the id of a merged one is not redirected.
            target: As for `thresholds`, but the tag's own target is not considered.

        Returns:
            The threshold; if its probability is None, `reason` says why.
        """
        with self.database.read() as connection:
            return precision_targets.threshold_of(
                connection, self.model.library, profile, tag_id=tag_id, target=target
            )
