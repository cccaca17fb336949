"""Leader election among processes by a 15 s database lease."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import delete, or_

from tagging_core.storage.database import Database
from tagging_core.storage.schema import duties
from tagging_core.storage.statements import insert

_LEASE = 15.0  # seconds
_RENEW = 5.0
_RETRY = 1.0  # while another process is the leader


class Leadership(Protocol):
    """Whether this process does what only one of several may do."""

    def held(self) -> bool:
        """Return whether this process leads now."""


@dataclass(frozen=True, slots=True)
class FixedLeadership:
    """The leadership of a process that shares with nobody, or that never leads."""

    leads: bool

    def held(self) -> bool:
        """Return whether this process leads."""
        return self.leads


class LeaderLock:
    """A lock that at most one process holds; the clocks of all machines must agree within a few seconds.

    Args:
        database: The database that all processes share.
        name: Name of the lock.
        holder: Unique name of this process.
    """

    def __init__(self, database: Database, name: str, holder: str) -> None:
        self._database, self._name, self._holder = database, name, holder
        self._checked_at, self._held = 0.0, False

    def held(self) -> bool:
        """Acquire or renew the lock if possible.

        Returns:
            Whether this process holds the lock; cached for 5 s while it does, for 1 s otherwise.

        Raises:
            StorageError: The database cannot be reached or written; the lock then counts as not held.
        """
        now = time.time()
        if now - self._checked_at < (_RENEW if self._held else _RETRY):
            return self._held
        self._held = False  # without a response, another process may hold it by now
        new = insert(self._database.engine.dialect.name, duties).values(
            name=self._name, holder=self._holder, until=now + _LEASE
        )
        free = or_(duties.c.holder == self._holder, duties.c.until < now)
        changed = {"holder": new.excluded.holder, "until": new.excluded.until}
        statement = new.on_conflict_do_update(index_elements=[duties.c.name], set_=changed, where=free)
        with self._database.write(serialized=False) as connection:
            held = connection.execute(statement.returning(duties.c.name)).first() is not None
        self._checked_at, self._held = now, held
        return held

    def release(self) -> None:
        """Release the lock, so that another process can acquire it at once.

        Raises:
            StorageError: The database cannot be reached or written; the lock then expires by itself.
        """
        if not self._checked_at:
            return
        with self._database.write(serialized=False) as connection:
            mine = duties.c.name == self._name, duties.c.holder == self._holder
            connection.execute(delete(duties).where(*mine))
        self._checked_at, self._held = 0.0, False
