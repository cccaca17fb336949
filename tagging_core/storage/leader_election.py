"""Duties: what only one of several processes may do is done by the one that has the duty, as long as it lives."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import delete, or_

from tagging_core.storage import Database, insert
from tagging_core.storage.schema import duties

_SECONDS = 15.0
_RENEW = 5.0


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
    """One process's claim to a duty; the clocks of all machines must agree within a few seconds.

    Args:
        database: Which all processes share.
        name: Of the duty.
        holder: Of this process, different from all others.
    """

    def __init__(self, database: Database, name: str, holder: str) -> None:
        self._database, self._name, self._holder = database, name, holder
        self._asked, self._held = 0.0, False

    def held(self) -> bool:
        """Whether this process is the one; taken if nobody is, renewed if it is. Asks the database now and then.

        Raises:
            UnreachableError: The database does not answer.
        """
        now = time.time()
        if now - self._asked < (_RENEW if self._held else 1.0):
            return self._held
        self._held = False  # if the database does not answer, somebody else may have it by now
        new = insert(self._database.engine.dialect.name, duties).values(
            name=self._name, holder=self._holder, until=now + _SECONDS
        )
        free = or_(duties.c.holder == self._holder, duties.c.until < now)
        changed = {"holder": new.excluded.holder, "until": new.excluded.until}
        taking = new.on_conflict_do_update(index_elements=[duties.c.name], set_=changed, where=free)
        with self._database.write(serialized=False) as connection:
            held = connection.execute(taking.returning(duties.c.name)).first() is not None
        self._asked, self._held = now, held
        return held

    def release(self) -> None:
        """Let another process have it at once."""
        if not self._asked:
            return
        with self._database.write(serialized=False) as connection:
            mine = duties.c.name == self._name, duties.c.holder == self._holder
            connection.execute(delete(duties).where(*mine))
        self._asked, self._held = 0.0, False
