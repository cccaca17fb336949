"""The dispatcher: sends messages for due chunks, and again after a lost message, expired lease or failed attempt.

The leader process polls the database for due chunks, a transactional outbox with a polling publisher. So queueing a
batch needs no broker, and a broker that is down or loses its messages delays work but loses none.
"""

from __future__ import annotations

import time

from tagging_core.errors import UnreachableError
from tagging_core.ingest import chunks
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunks import Due
from tagging_core.storage import Database

_AT_ONCE = 500
_OVERLOOKED_SECONDS = 30.0  # age of an undelivered message that may be lost
_LOOK_SECONDS = 5.0  # between checks for lost messages
_FEW = 20


class Dispatcher:
    """Sends due chunks to the workers.

    Args:
        database: The store of record.
        messages: The message queue.
    """

    def __init__(self, database: Database, messages: Broker) -> None:
        self._database, self._messages = database, messages
        self._looked = 0.0
        self._restarted = True

    def work(self) -> bool:
        """Send messages for up to 500 due chunks; if none is due, look for lost messages and poison chunks.

        Returns:
            Whether any chunk was due.

        Raises:
            UnreachableError: The broker or the database does not respond.
        """
        if self._restarted and not self._messages.durable:  # an in-memory queue starts empty
            with self._database.write() as connection:
                chunks.redispatch(connection, chunks.undelivered(connection, 0.0))
        self._restarted = False
        with self._database.read() as connection:
            found = chunks.due(connection, _AT_ONCE)
        if found:
            self._send(found)
        elif time.monotonic() - self._looked > _LOOK_SECONDS:
            self._looked = time.monotonic()
            self._recover_expired()
        return bool(found)

    def _send(self, found: list[Due]) -> None:
        refs = [chunk.ref for chunk in found]
        # Marked before sending: a fast worker may fail, and request a retry, before `send` returns.
        with self._database.write() as connection:
            chunks.mark_sent(connection, refs)
        try:
            self._messages.send(found)
        except UnreachableError:
            with self._database.write() as connection:
                chunks.redispatch(connection, refs)
            raise

    def pause(self) -> None:
        """Pause while another process is the leader."""
        self._restarted = True

    def _recover_expired(self) -> None:
        with self._database.read() as connection:
            overlooked = chunks.undelivered(connection, _OVERLOOKED_SECONDS)
            idle = not chunks.any_in_progress(connection)
            poisoned = chunks.poisoned(connection)
        if poisoned:
            with self._database.write() as connection:
                chunks.dead_letter(connection, poisoned)
        if not overlooked:
            return
        queued = self._messages.waiting()
        if queued and not idle:
            return
        # If messages are queued but no chunk is leased, deliveries were lost or there is no worker. In the second
        # case duplicates would pile up, so only a few are sent again.
        with self._database.write() as connection:
            chunks.redispatch(connection, overlooked[:_FEW] if queued else overlooked)
