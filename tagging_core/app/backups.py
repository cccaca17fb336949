"""Backups: a whole installation in one zip, to be restored with any database and blob store.

Tables are written as JSON lines from one snapshot, so a running installation can be backed up. Restoring into
PostgreSQL migrates an installation from SQLite. The Chroma index is not included, since it can be rebuilt.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, select, text, update

from tagging_core.errors import BackupError
from tagging_core.search import chroma_feeder
from tagging_core.storage import Database, key_values
from tagging_core.storage.blobs import BlobStore
from tagging_core.storage.schema import chunks, metadata

_FORMAT = 1
_EXCLUDED = {"duties"}  # leases of running processes
_FOLDERS = ("archive", "incoming")
_PICTURE_NAME = re.compile(rf"({'|'.join(_FOLDERS)})(/[\w.-]+)+")
_ROWS = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """Contents of a backup.

    Attributes:
        schema: Alembic revision of the database.
        at: Time of the backup in UTC, ISO 8601.
        rows: Row counts by table.
        files: Number of picture files; 0 if they were excluded.
    """

    schema: str
    at: str
    rows: dict[str, int]
    files: int


def back_up(
    database: Database, blobs: BlobStore | None, path: Path, *, progress: Progress = lambda _: None
) -> Summary:
    """Write a backup while other processes keep working.

    Args:
        database: The database to back up.
        blobs: The picture files; None excludes them, if the object store has its own backups.
        path: The zip file, written under a temporary name and renamed when complete.
        progress: Called with the name of each table and folder.

    Returns:
        What the backup contains.

    Raises:
        BackupError: The file cannot be written.
        StorageError: The database cannot be read.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            with database.snapshot() as connection:
                schema = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
                tables = [table for table in metadata.sorted_tables if table.name not in _EXCLUDED]
                rows = {table.name: _write_table(connection, table, file, progress=progress) for table in tables}
            # After the snapshot, so that every file a row refers to exists; extra files do no harm.
            files = 0 if blobs is None else _write_files(blobs, file, progress)
            summary = Summary(schema, datetime.now(UTC).isoformat(timespec="seconds"), rows, files)
            file.writestr("backup.json", json.dumps({"format": _FORMAT, **asdict(summary)}))
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise BackupError(f"{path} cannot be written: {error.strerror or error}.") from error
    return summary


def restore(database: Database, blobs: BlobStore, path: Path, *, progress: Progress = lambda _: None) -> Summary:
    """Restore a backup into an empty installation; all rows or none are restored.

    Args:
        database: An empty database; its tables are created.
        blobs: Where the picture files go; they are written before the rows, and remain if those fail.
        path: The zip file.
        progress: Called with the name of each table.

    Returns:
        What the backup contains.

    Raises:
        BackupError: The file is not a backup this version can read, or the database is not empty.
        StorageError: The database or the blobs cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as file:
            summary, names = _read_summary(path, file), _picture_names(path, file)
            database.migrate(summary.schema)
            with database.read() as connection:
                _refuse_if_filled(connection)
            for name in names:
                blobs.write(name, file.read(name))  # before the rows, which refer to them
            with database.write(durable=True) as connection:
                _read_tables(connection, file, summary, progress=progress)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BackupError(f"{path} cannot be read as a backup: {error}.") from error
    database.migrate()
    with database.write() as connection:
        key_values.put(connection, chroma_feeder.REBUILD, "yes")
        # Leases and queue messages belong to the installation that was backed up.
        unsent = {"leased_until": None, "sent_at": None, "attempts": 0}
        connection.execute(update(chunks).where(chunks.c.state == "waiting").values(unsent))
    return summary


def _write_table(connection: Connection, table: Table, file: zipfile.ZipFile, *, progress: Progress) -> int:
    progress(table.name)
    count = 0
    found = connection.execution_options(yield_per=_ROWS).execute(select(table))
    with file.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as lines:
        for row in found.mappings():
            lines.write(json.dumps(dict(row), default=_encode, ensure_ascii=False).encode() + b"\n")
            count += 1
    return count


def _write_files(blobs: BlobStore, file: zipfile.ZipFile, progress: Progress) -> int:
    progress("pictures")
    count = 0
    for folder in _FOLDERS:
        for name in blobs.older_than(folder, 0.0):
            try:
                file.writestr(name, blobs.read(name), zipfile.ZIP_STORED)
            except FileNotFoundError:
                continue  # a staged file that has been ingested in the meantime
            count += 1
    return count


def _read_summary(path: Path, file: zipfile.ZipFile) -> Summary:
    found = json.loads(file.read("backup.json"))
    if found.pop("format") != _FORMAT:
        raise BackupError(f"{path} was written by a newer version of Tagloop; restore it with that version.")
    return Summary(**found)


def _picture_names(path: Path, file: zipfile.ZipFile) -> list[str]:
    """Return the names of the picture files, each of which leads into one of _FOLDERS."""
    names = [name for name in file.namelist() if not name.startswith("tables/") and name != "backup.json"]
    for name in names:
        if not _PICTURE_NAME.fullmatch(name) or ".." in name.split("/"):
            raise BackupError(
                f"{path} is no backup that Tagloop wrote: it contains {name[:200]!r}. Use another backup."
            )
    return names


def _refuse_if_filled(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if connection.dialect.has_table(connection, table.name):
            rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
            if rows:
                raise BackupError(
                    f"The database is not empty ({rows} rows in {table.name}): restore into a new data folder or "
                    "database, set by TAGLOOP_DATA_DIR or TAGLOOP_DATABASE_URL."
                )


def _read_tables(connection: Connection, file: zipfile.ZipFile, summary: Summary, *, progress: Progress) -> None:
    schema = MetaData()  # that of the backup, which may be older
    schema.reflect(connection)
    for table in (t for t in schema.sorted_tables if t.name in summary.rows):
        progress(table.name)
        with file.open(f"tables/{table.name}.jsonl") as lines:
            rows = _rows(lines)
            while portion := list(islice(rows, _ROWS)):
                connection.execute(table.insert(), portion)
        if connection.dialect.name == "postgresql" and "id" in table.c and summary.rows[table.name]:
            sequence = connection.execute(select(func.pg_get_serial_sequence(table.name, "id"))).scalar()
            if sequence:
                connection.execute(select(func.setval(sequence, select(func.max(table.c.id)).scalar_subquery())))


def _rows(lines: Any) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield json.loads(line, object_hook=_decode)


def _encode(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"$at": value.isoformat()}
    raise TypeError(f"{type(value).__name__} cannot be written")


def _decode(found: dict[str, Any]) -> Any:
    if found.keys() == {"$bytes"}:
        return base64.b64decode(found["$bytes"])
    if found.keys() == {"$at"}:
        return datetime.fromisoformat(found["$at"])
    return found
