"""The learned starter of the active model: adopted by a new installation, offered to an existing one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection

from tagging_core.common.users import Action, User, require
from tagging_core.errors import TagError
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.learned_starter import LearnedStarter, find_starter, parse_starter
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.storage import Database


@dataclass(frozen=True, slots=True)
class StarterStatus:
    """What is known about the active model's learned starter.

    Attributes:
        shipped: The starter that ships with this version; None if this model has none.
        photos: Number of labelled photos behind the starter in force; 0 if none is.
    """

    shipped: LearnedStarter | None
    photos: int


class StarterOffer:
    """Adopts and drops the learned starter of the active model.

    Args:
        database: The store of record.
        model: Returns the active model.
        wake: Wakes the background worker, which fits the tags again.
    """

    def __init__(self, database: Database, model: Callable[[], ActiveModel], wake: Callable[[], None]) -> None:
        self._database, self._model, self._wake = database, model, wake

    def status(self) -> StarterStatus:
        """Return what ships for the active model and what is in force.

        Raises:
            TagError: The shipped file is damaged.
        """
        path = find_starter(self._model().preset.fingerprint)
        with self._database.read() as connection:
            priors = self._model().library.pack(connection).priors
        shipped = _read(path, path.stat().st_mtime_ns) if path else None
        return StarterStatus(shipped, max((p.photos for p in priors.values()), default=0))

    def adopt(self, user: User, data: bytes | None = None) -> None:
        """Start the starter tags from classifiers learned before delivery; decisions stay and count on top.

        Args:
            user: Needs the right to operate.
            data: Content of a starter file; that of the shipped one if None.

        Raises:
            NotAllowedError: The user lacks the right.
            TagError: No starter ships for this model, or the file is damaged or made for another model.
        """
        require(user, Action.OPERATE)
        if data is None:
            if (path := find_starter(self._model().preset.fingerprint)) is None:
                title = self._model().preset.title
                raise TagError(f"No learned starter ships for {title}; make one with `starter build` first.")
            data = path.read_bytes()
        with self._database.write() as connection:
            self._model().library.packs.adopt(connection, user, data)
            self._fit_again(connection)
        self._wake()

    def drop(self, user: User) -> None:
        """Start the starter tags from their texts again; adopting the starter again undoes this.

        Args:
            user: Needs the right to operate.

        Raises:
            NotAllowedError: The user lacks the right.
            TagError: No starter is in force.
        """
        require(user, Action.OPERATE)
        if not self.status().photos:
            raise TagError("No learned starter is in force, so there is nothing to drop.")
        with self._database.write() as connection:
            self._model().library.packs.drop_starter(connection, user)
            self._fit_again(connection)
        self._wake()

    def _fit_again(self, connection: Connection) -> None:
        mark_dirty(connection, self._model().library.taxonomies.load(connection).tags)


@lru_cache(maxsize=2)  # the page asks at every rerun
def _read(path: Path, _changed_at: int) -> LearnedStarter:
    return parse_starter(path.read_bytes())
