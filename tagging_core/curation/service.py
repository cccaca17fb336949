"""Service through which taxonomy owners change the tag library."""

from __future__ import annotations

import threading
from dataclasses import replace

from tagging_core.assets.files import ImageFiles
from tagging_core.assets.protected import ProtectedPictures
from tagging_core.common.users import Action, User, require
from tagging_core.curation import apply as applying
from tagging_core.curation import formats, import_process, importer, plans, prompt_trial
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
from tagging_core.taxonomy.tag_finder import TagFinder


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
        self._finder: TagFinder | None = None
        self._indexing = threading.Lock()  # concurrent callers wait for one index and share it

    def save(self, user: User, tag: Tag) -> Tag:
        """Add or change a tag; it is suggested as soon as its text is embedded.

        Args:
            user: Needs the right to change the tag library.
            tag: The new version; an empty id adds a tag.

        Returns:
            The tag as stored: with an id, normalized names and, if it had no prompts, known synonyms as prompts.

        Raises:
            NotAllowedError: The user may not change the tag library.
            TagError: The tag is invalid, or one of its names is taken.
        """
        require(user, Action.CURATE)
        return self._save(user, tag)

    def propose(self, user: User, tag: Tag) -> Tag:
        """Add a tag that reviewers can use at once and that is suggested after an owner approves it.

        Args:
            user: Needs the right to review.
            tag: The tag; its id and state are ignored.

        Returns:
            The tag as stored, with a new id and the state `proposed`.

        Raises:
            NotAllowedError: The user may not review.
            TagError: The tag is invalid, or one of its names is taken.
        """
        require(user, Action.REVIEW)
        return self._save(user, replace(tag, id="", state="proposed"))

    def tag_finder(self) -> TagFinder:
        """Index the tags at the library's latest revision for finding them while somebody types.

        Returns:
            The index; the same object until the taxonomy changes.
        """
        taxonomy = self._model.taxonomy
        with self._indexing:
            if self._finder is None or self._finder.taxonomy is not taxonomy:
                self._finder = TagFinder(taxonomy)
            return self._finder

    def impact(self, plan: Plan) -> Impact:
        """Return the impact of a plan without applying it.

        Args:
            plan: The change.

        Returns:
            What would change on pictures, suggestions, exports and connected CMSs.

        Raises:
            TagError: The plan is invalid.
        """
        with self._database.read() as connection:
            return impact_of(connection, self._model.load_taxonomy(connection), plan)

    def apply(self, user: User, plan: Plan) -> str:
        """Apply a plan, all or nothing.

        Args:
            user: Needs the right to change the tag library, and to review if the plan has decisions.
            plan: The change.

        Returns:
            The id of the change, for `undo`.

        Raises:
            NotAllowedError: The user may not do this.
            TagError: The plan is invalid, outdated or changes nothing.
            DecisionError: A decision of the plan is invalid.
            NotFoundError: A picture or profile of such a decision does not exist.
            LeasedError: Another user has leased a picture that the plan decides on.
        """
        require(user, Action.CURATE)
        with self._database.write(durable=True) as connection:
            act = applying.apply(
                connection, user, plan, taxonomy=self._model.load_taxonomy(connection), shares=self._review.rates
            )
        self._review.wake()
        return act

    def undo(self, user: User, act: str) -> str:
        """Undo a change and its decisions.

        Args:
            user: Needs the right to change the tag library, and to review if the change has decisions.
            act: Id of the change.

        Returns:
            The id of the undoing change, which can itself be undone.

        Raises:
            NotAllowedError: The user may not do this.
            DecisionError: There is no such change, it is undone already, or an item has changed again since.
            TagError: A restored item would be invalid now, for example because its name has been taken.
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
            data: The whole file.
            form: `csv`, `json` or `skos` (Turtle, RDF/XML or JSON-LD).
            name: File name, for the plan's title.

        Returns:
            The plan, and notes on rows that were skipped or of which something was left out.

        Raises:
            ImportRefusedError: The file is unreadable or has invalid lines; lists each of them.
        """
        return importer.plan_import(self._model.taxonomy, import_process.read(data, form), name)

    def export(self, form: str) -> bytes:
        """Export the taxonomy, including merged tags.

        Args:
            form: `csv`, `json` or `skos` (Turtle).

        Returns:
            The file, in UTF-8; CSV with a byte order mark.
        """
        return formats.write(self._model.taxonomy, form)

    def try_tag(self, tag: Tag) -> PromptTrial:
        """Preview the effect of a tag's new text on the suggestions, from a fixed sample of 2,000 pictures.

        Args:
            tag: The changed tag, or a new one without an id.

        Returns:
            The undecided pictures of the sample that would gain or lose the suggestion; see `PromptTrial`.

        Raises:
            EncoderError: The new text must be embedded, and the encoder cannot be loaded.
        """
        with self._database.read() as connection:
            return prompt_trial.try_tag(connection, self._model.library, tag)

    def likely(self, tag_id: str, limit: int = 8) -> list[tuple[int, float]]:
        """Find undecided pictures that probably have a tag, in a fixed sample of 2,000 pictures.

        Args:
            tag_id: The tag.
            limit: Maximum number of pictures.

        Returns:
            (asset id, probability of at least `MIN_PROBABILITY`), most probable first; empty if the tag is not
            fitted yet.
        """
        with self._database.read() as connection:
            return prompt_trial.likely(connection, self._model.library, tag_id, limit=limit)

    def sensitive_waiting(self) -> dict[str, int]:
        """Count the undecided suggestions of sensitive tags.

        Returns:
            Number of pictures by id of each active sensitive tag; counting stops at 10,000.
        """
        with self._database.read() as connection:
            return sensitive_queue.waiting(connection, self._model.taxonomy)

    def sensitive_pictures(self, tag_id: str, limit: int = 24) -> list[tuple[int, float]]:
        """List the pictures on which a sensitive tag is suggested and undecided.

        Args:
            tag_id: The sensitive tag.
            limit: Maximum number of pictures.

        Returns:
            (asset id, probability in (0, 1)), most probable first; the highest probability of all profiles.
        """
        with self._database.read() as connection:
            return sensitive_queue.pictures(connection, self._model.taxonomy, tag_id, limit=limit)

    def work(self) -> bool:
        """Run one step of background work: a chunk of a back-fill, or else a search for proposals if due.

        Returns:
            Whether there was anything to do.

        Raises:
            EncoderError: The search must embed a name, and the encoder cannot be loaded.
        """
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
