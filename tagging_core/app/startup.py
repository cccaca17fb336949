"""What a process does before it serves anybody."""

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
_STAGING_SECONDS = 86_400.0  # by then an upload that staged files has queued them, or its process died


def open_database(settings: Settings) -> Database:
    """Make the data folder, open the database and migrate it.

    Raises:
        StorageError: The folder cannot be made, or the database does not open.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The data folder {settings.data_dir} cannot be made: {error.strerror}.") from error
    database = Database(settings.database)
    database.migrate()
    return database


def prepare(database: Database, settings: Settings) -> ShownTokens:
    """Fill an empty library with the starter taxonomy, and set what all processes share."""
    with database.write() as connection:
        taxonomy_store.ensure_starter(connection)
        # Whichever process writes, figures are counted by one zone; only a console changes it, see `take_over`.
        if not key_values.get(connection, key_values.ZONE):
            _count_figures(connection, settings.zone)
        return ShownTokens.open(connection)


def take_over(lock: FileLock, database: Database, settings: Settings) -> None:
    """Lock the data folder for this process and free what a dead one held.

    Raises:
        BusyError: Another console runs on the folder.
    """
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"Another Tagloop console runs on {settings.data_dir.absolute()}. Use that one, stop it, or give this "
            "one its own folder with TAGLOOP_DATA_DIR."
        ) from None
    with database.write() as connection:
        if not settings.queue_url:
            chunks.release_all(connection)  # their holders are dead: we have the lock
        if key_values.zone_of(connection) != settings.zone:
            _count_figures(connection, settings.zone)


def remove_leftovers(database: Database, blobs: BlobStore, settings: Settings) -> None:
    """Remove staged files that no batch needs; an object store that does not answer is left to the next start."""
    with database.read() as connection:
        needed = batches.staged_sources(connection)
    alone = not (settings.chroma_url or settings.queue_url or settings.assets_url)
    with contextlib.suppress(UnreachableError):
        sources.remove_leftovers(blobs, needed, 0.0 if alone else _STAGING_SECONDS)


def _count_figures(connection: Connection, zone: str) -> None:
    _log.info("counting the charts' figures by the days of %s; with millions of decisions it takes minutes", zone)
    replay.recount(connection, zone, taxonomy_store.load(connection).redirects)
