"""Health checks of an installation, with a remedy for each problem."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import dataclass

from filelock import FileLock, Timeout
from sqlalchemy import Connection, func, select

from tagging_core import ledger
from tagging_core.app.tagloop import Tagloop
from tagging_core.errors import StorageError, UnreachableError
from tagging_core.ingest import queue_status
from tagging_core.ingest.broker import Broker
from tagging_core.ledger import taxonomy_store
from tagging_core.review import decisions
from tagging_core.storage import integrity
from tagging_core.storage.schema import assets, batches, dirty, events, labels, outbox

_PACKAGES = ("streamlit", "sentence-transformers", "torch", "onnxruntime", "chromadb", "sqlalchemy", "pillow")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `remedy` says what to do if it failed."""

    what: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(loop: Tagloop) -> list[Finding]:
    """Run all checks; none of them changes anything.

    Args:
        loop: The installation; the search index is checked only while no console has it open.

    Returns:
        One finding per check, in a fixed order.

    Raises:
        StorageError: The database or the store of picture files cannot be read.
    """
    with loop.database.read() as connection:
        findings = [
            Finding("versions", True, _versions()),
            Finding("data folder", True, str(loop.settings.data_dir.absolute())),
            Finding("encoder", True, f"{loop.model.preset.title}, {loop.model.preset.fingerprint}"),
            Finding("counts", True, _counts(connection)),
            _database(connection),
            _projection(connection),
            _files(loop, connection),
            _learning(loop, connection),
            _work(loop, connection),
        ]
    return [*findings, _chroma(loop)]


def _versions() -> str:
    known = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    return f"Python {platform.python_version()} on {sys.platform}; " + ", ".join(known)


def _counts(connection: Connection) -> str:
    parts = []
    for name, table in (("pictures", assets), ("batches", batches), ("events", events), ("decided tags", labels)):
        parts.append(f"{connection.execute(select(func.count()).select_from(table)).scalar_one():,} {name}")
    taxonomy = taxonomy_store.load(connection)
    return ", ".join([*parts, f"{len(taxonomy.active()):,} active tags"])


def _database(connection: Connection) -> Finding:
    state = integrity(connection)
    remedy = "Stop Tagloop, restore the latest backup of the database, then run `rebuild`."
    return Finding("database", state == "ok", state, remedy)


def _projection(connection: Connection) -> Finding:
    """Compare the stored labels of every asset with the ledger."""
    wrong = 0
    redirects = taxonomy_store.load(connection).redirects
    ids = connection.execute(select(events.c.asset_id).where(events.c.asset_id.is_not(None)).distinct()).scalars()
    for asset_id in ids.all():
        expected = ledger.fold(ledger.history_of(connection, asset_id), redirects).labels
        wrong += decisions.labels_of(connection, asset_id) != expected
    detail = f"{wrong} pictures differ from the ledger" if wrong else "tags match the ledger"
    return Finding("ledger", not wrong, detail, "Run `python -m tagging_core rebuild`.")


def _files(loop: Tagloop, connection: Connection) -> Finding:
    names = connection.execute(select(assets.c.sha256)).scalars()
    missing = sum(not loop.resources.images.has(name) for name in names)
    detail = f"{missing} pictures lack a file" if missing else "every picture has its files"
    return Finding("archive", not missing, detail, "Ingest the originals again: it restores missing files.")


def _learning(loop: Tagloop, connection: Connection) -> Finding:
    mine = dirty.c.fingerprint == loop.model.library.fingerprint  # Models shows the other spaces
    waiting = connection.execute(select(func.count()).select_from(dirty).where(mine)).scalar_one()
    detail = f"{waiting} tags are waiting to be fitted" if waiting else "every tag is up to date"
    return Finding("learning", not waiting, detail, "Start the console or run `rebuild`: either fits them.")


def _work(loop: Tagloop, connection: Connection) -> Finding:
    """Check that the broker can be reached and that no picture was dead-lettered."""
    found = queue_status.load(connection)
    detail = (
        f"{found.waiting:,} pictures waiting, {found.in_work:,} in progress, {found.dead_lettered:,} dead-lettered"
    )
    try:
        if loop.settings.queue_url:
            messages = Broker(loop.settings.queue_url, lambda job_id, n: None)
            detail += f"; the queue holds {messages.waiting():,} messages"
            messages.close()
    except UnreachableError as error:
        return Finding("work", False, str(error), "Start the broker or correct TAGLOOP_QUEUE_URL.")
    return Finding("work", not found.dead_lettered, detail, "The page Jobs shows the reasons and retries them.")


def _chroma(loop: Tagloop) -> Finding:
    with loop.database.read() as connection:
        waiting = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    try:
        with FileLock(loop.settings.data_dir / "tagloop.lock", timeout=0):
            trouble = (
                "it does not exist yet" if loop.resources.index.place.is_new() else loop.resources.index.trouble()
            )
    except StorageError as error:
        return Finding("chroma", False, str(error), "Start the server with `chroma run`.")
    except Timeout:
        return Finding("chroma", True, f"open in the running console; {waiting} changes pending")
    detail = trouble or f"matches the database; {waiting} changes pending"
    remedy = "Start the console: it rebuilds the index from the database."
    return Finding("chroma", not trouble, detail, remedy)
