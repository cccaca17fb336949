"""Runs chunks under a lease: claim, heartbeat, and finish, fail or release.

Leases are renewed for a limited time: a hanging GPU cannot be interrupted, so another worker takes the chunk over
in the end, and the first to commit wins.
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
"""Time after which a chunk's lease is no longer renewed; chunks normally take less than a minute."""

_PAUSE_SECONDS = 2.0  # delay before retrying a chunk that failed for a reason outside it


class ChunkRunner:
    """Runs the chunks of one worker.

    Args:
        database: The store of record.
        worker: The worker's name in leases.

    Attributes:
        trouble: Error message of the last run that did not complete; empty after a success.
    """

    def __init__(self, database: Database, worker: str) -> None:
        self._database, self._worker = database, worker
        self._running: dict[Ref, float] = {}  # start times
        self._lock = threading.Lock()
        self._connection_lost = False
        self.trouble = ""

    @property
    def busy(self) -> bool:
        """Whether a chunk is running."""
        return bool(self._running)

    @property
    def hangs(self) -> bool:
        """Whether a chunk has been running for longer than `HUNG_SECONDS`."""
        return any(time.monotonic() - since > HUNG_SECONDS for since in list(self._running.values()))

    def run(self, ref: Ref, do: Callable[[Chunk], None]) -> bool:
        """Claim and process a chunk.

        Errors are not raised: they are recorded with the chunk or its batch, or in `trouble`.

        Args:
            ref: The chunk.
            do: Processes the claimed chunk and writes its results.

        Returns:
            Whether the chunk was processed; False if it failed, or if it is done, stopped, leased or not due yet.
        """
        with self._lock:
            if ref in self._running:
                return False  # duplicate message
            self._running[ref] = time.monotonic()  # before the claim, so that `heartbeat` keeps the lease
        try:
            done = self._work(ref, do)
            self.trouble = ""
            return done
        except UnreachableError as error:
            self._connection_lost = True
            self.trouble = str(error)
        except TaggingError as error:
            self.trouble = str(error)
        except Exception:
            # Keep the broker's thread alive; the chunk is retried when its lease expires.
            _log.exception("unexpected error in chunk %s of job %s", ref[1], ref[0])
            self.trouble = "The worker had an unexpected error; see its log for details."
        finally:
            with self._lock:
                self._running.pop(ref, None)
        return False

    def heartbeat(self) -> None:
        """Renew the leases of running chunks; to be called every few seconds.

        After a lost connection, also release leases of chunks that are not running any more.

        Raises:
            UnreachableError: The database does not respond.
        """
        with self._lock:
            now = time.monotonic()
            renewable = [ref for ref, since in self._running.items() if now - since < HUNG_SECONDS]
            connection_lost, running = self._connection_lost, list(self._running)
        if renewable:
            with self._database.write(serialized=False) as connection:
                chunks.renew(connection, self._worker, renewable)
        if connection_lost:
            with self._database.write(serialized=False) as connection:
                chunks.release_but(connection, self._worker, running)
            self._connection_lost = False

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
            self._release(chunk)
            raise
        except Exception as error:
            _log.exception("attempt %s failed", chunk.attempt)
            metrics.FAILURES.inc()
            with self._database.write() as connection:
                chunks.fail(connection, chunk, f"{type(error).__name__}: {error}")
            return False
        return True

    def _release(self, chunk: Chunk) -> None:
        with self._database.write() as connection:
            chunks.release(connection, chunk, _PAUSE_SECONDS)

    def _stop(self, chunk: Chunk, note: str) -> None:
        _log.warning("stopping the batch: %s", note)
        with self._database.write() as connection:
            chunks.release(connection, chunk)
            batches.stop(connection, chunk.batch_id, note)
