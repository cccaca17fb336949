"""The database: one engine, read and write transactions, migrations."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Executable, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from tagging_core.errors import StorageError


class Database:
    """Connections to one SQL database; safe to share between threads.

    Args:
        url: SQLAlchemy URL. A SQLite file and its folder are made if missing.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        arguments: dict[str, Any] = {}
        if url.startswith("sqlite:///"):
            Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            arguments = {"connect_args": {"timeout": 60}}
        self.engine = create_engine(url, pool_pre_ping=not arguments, **arguments)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _configure_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the one-machine default."""
        return self.engine.dialect.name == "sqlite"

    def migrate(self) -> None:
        """Bring the schema up to date; nothing happens if it is."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose changes are not kept.

        Raises:
            StorageError: The database cannot be reached or read.
        """
        with _told_plainly(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, durable: bool = False) -> Iterator[Connection]:
        """A transaction that is committed at the end and undone by any error.

        SQLite takes its write lock at the start: a later upgrade from reader to writer could fail halfway.

        Args:
            durable: What was committed survives a power cut too, at the price of waiting for the disk; for what
                a person did. Anything survives the death of the process.

        Raises:
            StorageError: The database cannot be reached, is full, or stayed locked.
        """
        with _told_plainly(), self.engine.connect() as connection:
            if self.is_sqlite:
                # The driver is in autocommit mode, so that a pragma may come before the transaction.
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def insert_row(connection: Connection, table: Table, row: dict[str, Any]) -> int:
    """Insert a row and return the id the database gave it."""
    key = connection.execute(table.insert().values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; where the primary key exists, overwrite the other given columns."""
    if rows:
        connection.execute(_overwriting(connection.dialect.name, table, tuple(rows[0])), rows)


def add_to(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Add each row's `n` to the count under its key; a missing key starts at 0."""
    if rows:
        connection.execute(_adding(connection.dialect.name, table), rows)


@functools.cache  # building a statement takes longer than SQLite takes to run it
def _overwriting(dialect: str, table: Table, columns: tuple[str, ...]) -> Executable:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=keys)


@functools.cache
def _adding(dialect: str, table: Table) -> Executable:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_={"n": table.c.n + statement.excluded.n})


def _insert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def integrity(connection: Connection) -> str:
    """`ok`, or what SQLite finds wrong with its file."""
    if connection.dialect.name != "sqlite":
        return "ok"
    return str(connection.execute(text("PRAGMA quick_check(1)")).scalar())


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig)
        if "full" in reason:
            raise StorageError(
                "The disk is full: the database cannot grow. Free some space, then go on."
            ) from error
        if "locked" in reason:
            raise StorageError("The database stayed locked by another process for a minute. Try again.") from error
        raise StorageError(f"The database cannot be used: {reason}.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StorageError("The connection to the database was lost. Try again.") from error
        raise


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=60000")
    cursor.close()
