"""Dispatching: has workers told of chunks, again where news was lost, a worker vanished, or an attempt failed.

The steward does it, from the database; so whoever queues pictures needs no broker, and one that is away or forgets
everything delays work and loses none. The same idea as a transactional outbox with a polling publisher.
"""

from __future__ import annotations

import time

from tagging_core.errors import UnreachableError
from tagging_core.ingest import chunks
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunks import Due
from tagging_core.storage import Database

_AT_ONCE = 500
_OVERLOOKED_SECONDS = 30.0
_LOOK_SECONDS = 5.0
_FEW = 20


class Dispatcher:
    """Tells workers what to do.

    Args:
        database: Where batches are queued.
        messages: Reach workers.
    """

    def __init__(self, database: Database, messages: Broker) -> None:
        self._database, self._messages = database, messages
        self._looked = 0.0
        self._fresh = True

    def work(self) -> bool:
        """Send what is due, a portion of it; whether there was any.

        Raises:
            UnreachableError: The broker or the database does not answer.
        """
        if self._fresh and not self._messages.lasting:  # what an earlier process was told went with it
            with self._database.write() as connection:
                chunks.redispatch(connection, chunks.undelivered(connection, 0.0))
        self._fresh = False
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
        with (
            self._database.write() as connection
        ):  # first: a quick worker may fail, and ask for more, before the end
            chunks.mark_sent(connection, refs)
        try:
            self._messages.send(found)
        except UnreachableError:
            with self._database.write() as connection:
                chunks.redispatch(connection, refs)
            raise

    def rest(self) -> None:
        """Another process does it from now on."""
        self._fresh = True

    def _recover_expired(self) -> None:
        with self._database.read() as connection:
            overlooked = chunks.undelivered(connection, _OVERLOOKED_SECONDS)
            idle = not chunks.any_in_progress(connection)
            deadly = chunks.poisoned(connection)
        if deadly:
            with self._database.write() as connection:
                chunks.dead_letter(connection, deadly)
        if not overlooked:
            return
        held = self._messages.waiting()
        if held and not idle:
            return
        # If the broker holds messages and nobody works, a worker may have taken them and never got them. Or there
        # is no worker, and every message is one more in its way; so only a few are sent.
        with self._database.write() as connection:
            chunks.redispatch(connection, overlooked[:_FEW] if held else overlooked)
