"""Service for listing and dismissing proposals."""

from __future__ import annotations

from tagging_core.common.users import User
from tagging_core.curation.proposals import label_errors, store
from tagging_core.curation.proposals.finder import ProposalFinder
from tagging_core.curation.proposals.store import Proposal
from tagging_core.learning.active_model import ActiveModel
from tagging_core.storage import Database


class ProposalService:
    """Lists and dismisses proposals.

    Attributes:
        finder: Searches for new proposals in the background.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._model = database, model
        self.finder = ProposalFinder(database, model.library, model.encoder)

    def counts(self) -> dict[str, int]:
        """Count the open proposals of each kind."""
        with self._database.read() as connection:
            return store.counts(connection)

    def listed(self, kind: str, limit: int = 50) -> list[Proposal]:
        """Return the open proposals of a kind, highest score first."""
        with self._database.read() as connection:
            return store.listed(connection, kind, limit)

    def dismiss(self, user: User, key: str, wanted: bool = False) -> None:
        """Dismiss a proposal or an alert permanently; `wanted` restores it.

        Raises:
            NotAllowedError: The user may not change the tag library.
        """
        with self._database.write(durable=True) as connection:
            store.dismiss(connection, user, key, wanted=wanted)

    def confused_with(self, tag_id: str) -> dict[str, list[int]]:
        """Return the assets on which a tag was rejected and another one added, by the added tag."""
        with self._database.read() as connection:
            return label_errors.taken_for(connection, tag_id, self._model.taxonomy)
