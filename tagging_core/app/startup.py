"""Start-up of a process: open and migrate the database, lock the data folder, clean up."""

from __future__ import annotations

import contextlib
import logging

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from tagging_core.errors import BusyError, StorageError, UnreachableError
from tagging_core.ingest import batches, chunks, sources
from tagging_core.ledger import replay, taxonomy_store
from tagging_core.review.shown import ShownTokens
from tagging_core.settings import Settings
from tagging_core.storage import Database, key_values
from tagging_core.storage.blobs import BlobStore

_log = logging.getLogger(__name__)
_STAGING_SECONDS = 86_400.0  # older staged files were queued, or their process died


def open_database(settings: Settings) -> Database:
    """Create the data folder, open the database and migrate it.

    Raises:
        StorageError: The folder cannot be created or the database cannot be opened.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The data folder {settings.data_dir} cannot be created: {error.strerror}.") from error
    database = Database(settings.database)
    database.migrate()
    return database


def prepare(database: Database, settings: Settings) -> ShownTokens:
    """Load the starter taxonomy into an empty library, and return the key for tokens of shown suggestions."""
    with database.write() as connection:
        taxonomy_store.ensure_starter(connection)
        # All processes count figures by the same time zone; only the console changes it, see `take_over`.
        if not key_values.get(connection, key_values.ZONE):
            _count_figures(connection, settings.zone)
        return ShownTokens.open(connection)


def take_over(lock: FileLock, database: Database, settings: Settings) -> None:
    """Lock the data folder for this process and release the chunks of a dead one.

    Raises:
        BusyError: Another console uses the folder.
    """
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"Another Tagloop console uses {settings.data_dir.absolute()}. Use that one, stop it, or set "
            "TAGLOOP_DATA_DIR to another folder for this one."
        ) from None
    with database.write() as connection:
        if not settings.queue_url:
            chunks.release_all(connection)  # we hold the lock, so their workers are dead
        if key_values.zone_of(connection) != settings.zone:
            _count_figures(connection, settings.zone)


def remove_leftovers(database: Database, blobs: BlobStore, settings: Settings) -> None:
    """Delete staged files no batch refers to; skipped if the object store cannot be reached."""
    with database.read() as connection:
        needed = batches.staged_sources(connection)
    alone = not (settings.chroma_url or settings.queue_url or settings.assets_url)
    with contextlib.suppress(UnreachableError):
        sources.remove_leftovers(blobs, needed, 0.0 if alone else _STAGING_SECONDS)


def _count_figures(connection: Connection, zone: str) -> None:
    _log.info("recounting the daily figures in time zone %s; takes minutes with millions of decisions", zone)
    replay.recount(connection, zone, taxonomy_store.load(connection).redirects)
