"""Service through which taxonomy owners change the tag library."""

from __future__ import annotations

from dataclasses import replace

from tagging_core.assets.files import ImageFiles
from tagging_core.assets.protected import ProtectedPictures
from tagging_core.common.users import Action, User, require
from tagging_core.curation import apply as applying
from tagging_core.curation import formats, importer, plans, prompt_trial
from tagging_core.curation.backfill import BackfillService
from tagging_core.curation.history import TaxonomyHistory
from tagging_core.curation.impact import Impact, impact_of
from tagging_core.curation.importer import ImportPlan
from tagging_core.curation.instruction_trial import InstructionTrial
from tagging_core.curation.plans import Plan
from tagging_core.curation.prompt_trial import PromptTrial
from tagging_core.curation.proposals.service import ProposalService
from tagging_core.curation.tag_health import TagHealthService
from tagging_core.review import sensitive_queue
from tagging_core.review.service import ReviewService
from tagging_core.taxonomy.model import Tag


class CurationService:
    """Previews, applies and undoes changes to the taxonomy.

    Args:
        review: Records the decisions of a change.
        images: Picture files, for previewing instructions.
        max_pixels: Larger pictures are skipped in that preview.

    Attributes:
        history: Past changes and past versions of the taxonomy.
        backfills: Scans for reviewed pictures that should gain or lose a tag.
        proposals: Suggested improvements to the taxonomy.
        health: Usage, precision and examples of each tag.
        protected: Protected pictures and their alerts.
        instructions: Previews of instructions.
    """

    def __init__(self, review: ReviewService, images: ImageFiles, max_pixels: int) -> None:
        self._review, self._model, self._database = review, review.model, review.database
        self.history = TaxonomyHistory(self._database)
        self.backfills = BackfillService(review)
        self.proposals = ProposalService(self._database, self._model)
        self.health = TagHealthService(self._database, self._model)
        self.protected = ProtectedPictures(self._database)
        self.instructions = InstructionTrial(self._database, images, self._model, max_pixels=max_pixels)

    def save(self, user: User, tag: Tag) -> Tag:
        """Add or change a tag; it is suggested as soon as its text is embedded.

        Raises:
            NotAllowedError: The user is no taxonomy owner.
            TagError: The tag is invalid, or one of its names is taken.
        """
        require(user, Action.CURATE)
        return self._save(user, tag)

    def propose(self, user: User, tag: Tag) -> Tag:
        """Add a tag that reviewers can use at once and that is suggested after an owner approves it.

        Raises:
            NotAllowedError: The user may not review.
            TagError: The tag is invalid, or one of its names is taken.
        """
        require(user, Action.REVIEW)
        return self._save(user, replace(tag, id="", state="proposed"))

    def impact(self, plan: Plan) -> Impact:
        """Return the impact of a plan without applying it.

        Raises:
            TagError: The plan is invalid.
        """
        with self._database.read() as connection:
            return impact_of(connection, self._model.load_taxonomy(connection), plan)

    def apply(self, user: User, plan: Plan) -> str:
        """Apply a plan atomically; returns the id of the change, for `undo`.

        Raises:
            NotAllowedError: The user is no taxonomy owner.
            TaggingError: The plan is invalid, outdated or changes nothing.
        """
        require(user, Action.CURATE)
        with self._database.write(durable=True) as connection:
            act = applying.apply(
                connection, user, plan, taxonomy=self._model.load_taxonomy(connection), shares=self._review.rates
            )
        self._review.wake()
        return act

    def undo(self, user: User, act: str) -> str:
        """Undo a change and its decisions; returns the id of the undoing change, which can itself be undone.

        Raises:
            NotAllowedError: The user is no taxonomy owner.
            DecisionError: There is no such change, or an item it changed has changed again since.
        """
        require(user, Action.CURATE)
        with self._database.write(durable=True) as connection:
            taxonomy = self._model.load_taxonomy(connection)
            undone = applying.undo(connection, user, act, taxonomy=taxonomy, shares=self._review.rates)
        self._review.wake()
        return undone

    def read_import(self, data: bytes, form: str, name: str = "a file") -> ImportPlan:
        """Return the plan that imports a file, without applying it.

        Args:
            form: `csv`, `json` or `skos`.

        Raises:
            ImportRefusedError: The file is unreadable or has invalid lines; lists each of them.
        """
        return importer.plan_import(self._model.taxonomy, formats.read(data, form), name)

    def export(self, form: str) -> bytes:
        """Return the taxonomy as a `csv`, `json` or `skos` (Turtle) file."""
        return formats.write(self._model.taxonomy, form)

    def try_tag(self, tag: Tag) -> PromptTrial:
        """Return which pictures would gain or lose a tag if it were saved; see `prompt_trial.try_tag`."""
        with self._database.read() as connection:
            return prompt_trial.try_tag(connection, self._model.library, tag)

    def likely(self, tag_id: str, limit: int = 8) -> list[tuple[int, float]]:
        """Return (asset id, probability) of undecided pictures that probably have a tag, most probable first."""
        with self._database.read() as connection:
            return prompt_trial.likely(connection, self._model.library, tag_id, limit=limit)

    def sensitive_waiting(self) -> dict[str, int]:
        """Return the number of undecided suggestions of each active sensitive tag."""
        with self._database.read() as connection:
            return sensitive_queue.waiting(connection, self._model.taxonomy)

    def sensitive_pictures(self, tag_id: str, limit: int = 24) -> list[tuple[int, float]]:
        """Return (asset id, probability) of undecided suggestions of a sensitive tag, most probable first."""
        with self._database.read() as connection:
            return sensitive_queue.pictures(connection, self._model.taxonomy, tag_id, limit=limit)

    def work(self) -> bool:
        """Run one step of background work; returns whether there was any."""
        return self.backfills.step() or self.proposals.finder.search_if_due()

    def _save(self, user: User, tag: Tag) -> Tag:
        with self._database.write(durable=True) as connection:
            taxonomy = self._model.load_taxonomy(connection)
            plan = plans.save(taxonomy, tag)
            saved = plan.tags[0]
            if taxonomy.tags.get(saved.id) != saved:
                applying.apply(connection, user, plan, taxonomy=taxonomy, shares=self._review.rates)
        self._review.wake()
        return saved
