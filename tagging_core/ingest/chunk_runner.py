"""Holding chunks: a worker leases each while it is in work, and gives it back, done or not.

While a chunk is in work its lease is renewed, but not for ever: nothing can interrupt a GPU that hangs, so after a
while another worker takes the chunk over, and whoever writes first has done it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from tagging_core.common import log_context, metrics
from tagging_core.errors import StorageError, TaggingError, UnreachableError
from tagging_core.ingest import batches, chunks
from tagging_core.ingest.chunks import Chunk, Ref
from tagging_core.storage import Database

_log = logging.getLogger(__name__)

HUNG_SECONDS = 600.0
"""A chunk that takes longer is given to another worker; usual ones take less than a minute."""

_PAUSE_SECONDS = 2.0  # before a chunk is taken up again that only the machine kept from being done


class ChunkRunner:
    """The chunks that one worker has in work.

    Args:
        database: Where leases are kept.
        worker: This worker's name in leases.
    """

    def __init__(self, database: Database, worker: str) -> None:
        self._database, self._worker = database, worker
        self._held: dict[Ref, float] = {}  # since when
        self._holding = threading.Lock()
        self._cut_off = False
        self.trouble = ""

    @property
    def busy(self) -> bool:
        """Whether a chunk is in work."""
        return bool(self._held)

    @property
    def hangs(self) -> bool:
        """Whether a chunk takes so long that nothing is hoped of it any more."""
        return any(time.monotonic() - since > HUNG_SECONDS for since in list(self._held.values()))

    def run(self, ref: Ref, do: Callable[[Chunk], None]) -> bool:
        """Have a chunk done, if it is still there to be done; whether it was.

        What goes wrong is written to the chunk or its batch, and said by `trouble` until something goes well.
        """
        with self._holding:
            if ref in self._held:
                return False  # the same news twice
            self._held[ref] = time.monotonic()  # before the lease is written, so that `beat` leaves it alone
        try:
            done = self._work(ref, do)
            self.trouble = ""
            return done
        except UnreachableError as error:
            self._cut_off = True
            self.trouble = str(error)
        except TaggingError as error:
            self.trouble = str(error)
        except Exception:
            # The thread serves other chunks too, and this one has its lease to end by.
            _log.exception("chunk %s of job %s met an unexpected error", ref[1], ref[0])
            self.trouble = "The worker met an unexpected error; the log has the details."
        finally:
            with self._holding:
                self._held.pop(ref, None)
        return False

    def heartbeat(self) -> None:
        """Say that chunks are still in work; to be called every few seconds.

        Raises:
            UnreachableError: The database does not answer.
        """
        with self._holding:
            now = time.monotonic()
            alive = [ref for ref, since in self._held.items() if now - since < HUNG_SECONDS]
            cut_off, all_held = self._cut_off, list(self._held)
        if alive:
            with self._database.write(serialized=False) as connection:
                chunks.renew(connection, self._worker, alive)
        if cut_off:
            with self._database.write(serialized=False) as connection:
                chunks.release_but(connection, self._worker, all_held)
            self._cut_off = False

    def _work(self, ref: Ref, do: Callable[[Chunk], None]) -> bool:
        with self._database.write(serialized=False) as connection:
            chunk = chunks.claim(connection, self._worker, ref)
        if chunk is None:
            return False
        with log_context.about(batch=chunk.batch_id, chunk=chunk.n):
            return self._attempt(chunk, do)

    def _attempt(self, chunk: Chunk, do: Callable[[Chunk], None]) -> bool:
        try:
            with metrics.CHUNKS.time():
                do(chunk)
        except UnreachableError:
            raise
        except StorageError as error:
            self._stop(chunk, str(error))
            return False
        except TaggingError:
            self._give_back(chunk)
            raise
        except Exception as error:
            _log.exception("attempt %s failed", chunk.attempt)
            metrics.FAILURES.inc()
            with self._database.write() as connection:
                chunks.fail(connection, chunk, f"{type(error).__name__}: {error}")
            return False
        return True

    def _give_back(self, chunk: Chunk) -> None:
        with self._database.write() as connection:
            chunks.release(connection, chunk, _PAUSE_SECONDS)

    def _stop(self, chunk: Chunk, note: str) -> None:
        _log.warning("the batch was stopped: %s", note)
        with self._database.write() as connection:
            chunks.release(connection, chunk)
            batches.stop(connection, chunk.batch_id, note)
