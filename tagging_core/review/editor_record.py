"""What past decisions tell an editor: the tags in use, and how their reviews compare with independent ones."""

from __future__ import annotations

from tagging_core.common.users import Action, User, require
from tagging_core.learning.active_model import ActiveModel
from tagging_core.review import agreement, recurring_tags
from tagging_core.review.agreement import Agreement
from tagging_core.storage import Database


class EditorRecord:
    """Reads past decisions for editors.

    Args:
        database: The store of record.
        model: The active model; its taxonomy says which tags exist.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._model = database, model

    def recent_tags(self) -> list[str]:
        """Return the tags that anybody gave lately.

        Returns:
            Ids of tags, merged ones redirected, the latest first.
        """
        with self._database.read() as connection:
            found = recurring_tags.lately(connection)
        return list(dict.fromkeys(t for tags in found.values() for t in self._resolved(tags)))

    def tag_sets(self, limit: int = 3) -> list[tuple[str, ...]]:
        """Return sets of tags that recur on the pictures decided lately.

        Args:
            limit: Maximum number of sets.

        Returns:
            Sets of two tags or more, the most useful first.
        """
        with self._database.read() as connection:
            found = recurring_tags.lately(connection)
        return recurring_tags.sets([self._resolved(tags) for tags in found.values()], limit)

    def agreement(self, user: User) -> Agreement | None:
        """Compare a user's own reviews with independent ones of the same pictures.

        Args:
            user: Needs the right to review.

        Returns:
            The agreement over all of them; None if too few were compared to say anything.

        Raises:
            NotAllowedError: The user may not review.
        """
        require(user, Action.REVIEW)
        with self._database.read() as connection:
            return agreement.of(connection, user, self._model.taxonomy)

    def _resolved(self, tag_ids: list[str]) -> list[str]:
        resolve = self._model.taxonomy.redirects.resolve
        return [found for tag_id in tag_ids if (found := resolve(tag_id))]
