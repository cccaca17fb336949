"""The curator's desk: what taxonomy owners call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from tagging_core.assets import protected
from tagging_core.common.users import Action, User, require
from tagging_core.curation import apply as applying
from tagging_core.curation import backfill, formats, importer, plans, prompt_trial
from tagging_core.curation.backfill import Estimate
from tagging_core.curation.impact import Impact, impact_of
from tagging_core.curation.importer import ImportPlan
from tagging_core.curation.plans import Plan
from tagging_core.curation.prompt_trial import PromptTrial
from tagging_core.curation.proposals import ProposalFinder, dismiss
from tagging_core.embeddings.encoders import Encoder
from tagging_core.ledger import taxonomy_history
from tagging_core.ledger.taxonomy_history import Change, LibraryAct
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.service import ReviewService
from tagging_core.taxonomy.model import Tag, Taxonomy


class CurationService:
    """Changes the tag library, and says what changed.

    Args:
        desk: Whose library it is.
        encoder: Gives the loaded encoder, for names and prompts.
    """

    def __init__(self, desk: ReviewService, encoder: Callable[[], Encoder]) -> None:
        self._desk = desk
        self.searcher = ProposalFinder(desk.database, desk.library, encoder)

    def save(self, user: User, tag: Tag) -> Tag:
        """Add or change a tag; it is suggested as soon as its text is embedded.

        Raises:
            NotAllowedError: The user is no taxonomy owner.
            TagError: The tag cannot be used or told apart from others.
        """
        require(user, Action.CURATE)
        return self._save(user, tag)

    def propose(self, user: User, tag: Tag) -> Tag:
        """Add a tag that people may give at once, and that is suggested once an owner agrees.

        Raises:
            NotAllowedError: The user may not review.
            TagError: The tag cannot be used or told apart from others.
        """
        require(user, Action.REVIEW)
        return self._save(user, replace(tag, id="", state="proposed"))

    def effects(self, plan: Plan) -> Impact:
        """What a plan would change; nothing is written.

        Raises:
            TagError: The plan cannot be carried out.
        """
        with self._desk.database.read() as connection:
            return impact_of(connection, self._taxonomy(connection), plan)

    def apply(self, user: User, plan: Plan) -> str:
        """Carry a plan out, all of it or nothing; the result takes it back.

        Raises:
            NotAllowedError: The user is no taxonomy owner.
            TaggingError: The plan cannot be carried out, or changes nothing.
        """
        require(user, Action.CURATE)
        with self._desk.database.write(durable=True) as connection:
            act = applying.apply(connection, user, plan, self._taxonomy(connection), self._desk.shares)
        self._desk.wake()
        return act

    def read_import(self, data: bytes, form: str, name: str = "a file") -> ImportPlan:
        """What a file of tags would change; nothing is written.

        Args:
            form: `csv`, `json` or `skos`.

        Raises:
            ImportRefusedError: It cannot be read or taken; names each bad line.
        """
        return importer.plan_import(self._desk.suggester.taxonomy(), formats.read(data, form), name)

    def export(self, form: str) -> bytes:
        """The library as a file: `csv`, `json` or `skos` (Turtle)."""
        return formats.write(self._desk.suggester.taxonomy(), form)

    def try_tag(self, tag: Tag) -> PromptTrial:
        """Which pictures would gain or lose a tag if it were saved as it is given; nothing is written."""
        with self._desk.database.read() as connection:
            return prompt_trial.try_tag(connection, self._desk.library, tag)

    def likely(self, tag_id: str, limit: int = 8) -> list[tuple[int, float]]:
        """Pictures that probably have a tag and on which nobody decided it, with its probability."""
        with self._desk.database.read() as connection:
            return prompt_trial.likely(connection, self._desk.library, tag_id, limit)

    def dismiss(self, user: User, key: str, wanted: bool = False) -> None:
        """Never show a proposal or an alert again; `wanted` takes that back."""
        with self._desk.database.write(durable=True) as connection:
            dismiss(connection, user, key, wanted)

    def protect(self, user: User, asset_ids: Sequence[int], note: str = "", on: bool = True) -> None:
        """Put pictures into the protected set, or take them out."""
        with self._desk.database.write(durable=True) as connection:
            protected.protect(connection, user, asset_ids, note, on)

    def estimate_backfill(self, tag_id: str) -> Estimate:
        """About how many reviewed pictures a back-fill would ask about."""
        with self._desk.database.read() as connection:
            return backfill.estimate(connection, self._desk.library, tag_id)

    def start_backfill(self, user: User, tag_id: str) -> None:
        """Look through all reviewed pictures in the background and queue those that a tag probably concerns."""
        with self._desk.database.write(durable=True) as connection:
            backfill.start(connection, user, tag_id)
        self._desk.wake()

    def stop_backfill(self, user: User, tag_id: str) -> None:
        """End a back-fill and forget what it found."""
        with self._desk.database.write() as connection:
            backfill.stop(connection, user, tag_id)

    def answer_backfill(
        self, user: User, tag_id: str, wanted: int, asked: Sequence[int], applies: Collection[int]
    ) -> DecisionGroup | None:
        """Say of a page of queued pictures which ones the tag applies to, as one act; None if nothing changes."""
        with self._desk.database.read() as connection:
            tag = self._taxonomy(connection).tag(tag_id)
            profiles = self._taxonomy(connection).profiles_with(tag.category_id)
        said = backfill.answers(tag_id, wanted, asked, applies, profiles[0].id if profiles else "general")
        act = self._desk.decide_many(user, said) if said else None
        with self._desk.database.write() as connection:
            backfill.answered(connection, tag_id, asked)
        return act

    def work(self) -> bool:
        """Do a piece of what waits in the background; whether there was anything to do."""
        return backfill.step(self._desk.database, self._desk.library) or self.searcher.search_if_due()

    def undo(self, user: User, act: str) -> str:
        """Take a change back, with what it decided and taught; the result can itself be taken back.

        Raises:
            DecisionError: There is no such change, or something it changed was changed again since.
        """
        require(user, Action.CURATE)
        with self._desk.database.write(durable=True) as connection:
            taxonomy = self._taxonomy(connection)
            undone = applying.undo(connection, user, act, taxonomy, self._desk.shares)
        self._desk.wake()
        return undone

    def recent(self, limit: int = 50, before: int | None = None, tag_id: str = "") -> list[LibraryAct]:
        """The latest changes, latest first; see `versions.recent`."""
        with self._desk.database.read() as connection:
            return taxonomy_history.recent(connection, limit, before, tag_id)

    def began(self) -> datetime:
        """When the library was set up (UTC without zone)."""
        with self._desk.database.read() as connection:
            return taxonomy_history.first_change_at(connection)

    def changes_since(self, moment: datetime) -> list[Change]:
        """What is different today from the library at a moment (UTC without zone)."""
        with self._desk.database.read() as connection:
            return taxonomy_history.since(connection, taxonomy_history.event_at(connection, moment))

    def changes_of(self, act: str) -> list[Change]:
        """Everything that one change changed."""
        with self._desk.database.read() as connection:
            return taxonomy_history.act_changes(connection, act)

    def as_of(self, moment: datetime) -> Taxonomy:
        """The whole library at a moment (UTC without zone)."""
        with self._desk.database.read() as connection:
            return taxonomy_history.taxonomy_at(connection, taxonomy_history.event_at(connection, moment))

    def _save(self, user: User, tag: Tag) -> Tag:
        with self._desk.database.write(durable=True) as connection:
            taxonomy = self._taxonomy(connection)
            plan = plans.save(taxonomy, tag)
            saved = plan.tags[0]
            if taxonomy.tags.get(saved.id) != saved:
                applying.apply(connection, user, plan, taxonomy, self._desk.shares)
        self._desk.wake()
        return saved

    def _taxonomy(self, connection: Connection) -> Taxonomy:
        return self._desk.library.taxonomies.load(connection)
