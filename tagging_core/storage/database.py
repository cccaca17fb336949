"""The database: one engine, read and write transactions, migrations."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Executable, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError

from tagging_core.errors import StorageError, UnreachableError

_IN_TURN = "SELECT pg_advisory_xact_lock(7216841)"  # PostgreSQL's advisory locks are numbers


class Database:
    """Connections to one SQL database; safe to share between threads.

    Args:
        url: SQLAlchemy URL. A SQLite file and its folder are made if missing.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self.engine = _make_engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StorageError(
                f"TAGLOOP_DATABASE_URL={_without_password(url)!r} names no database that can be used: {error} "
                "Expected postgresql+psycopg://USER:PASSWORD@HOST/NAME, or nothing for SQLite in the data folder."
            ) from error

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the one-machine default."""
        return self.engine.dialect.name == "sqlite"

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to date; nothing happens if it is.

        Processes that start at once take turns, and those that run already go on: migrations only add, or change
        what a release before them did not read.

        Args:
            revision: An older one, to restore a backup of that time.
        """
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with; each statement sees what was committed before it.

        Raises:
            StorageError: The database cannot be reached or read.
        """
        with _translate_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees the database as it is now, whatever is written meanwhile.

        Raises:
            StorageError: The database cannot be reached or read.
        """
        with _translate_errors(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    @contextmanager
    def write(self, durable: bool = False, serialized: bool = True) -> Iterator[Connection]:
        """A transaction that is committed at the end and undone by any error.

        Writers take turns, on PostgreSQL as on SQLite: ids and revisions are then committed in their order, so
        that whoever has seen one has seen all before it. SQLite's lock is taken at the start: a later upgrade from
        reader to writer could fail halfway.

        Args:
            durable: What was committed survives a power cut too, at the price of waiting for the disk; for what
                a person did. Anything survives the death of the process.
            serialized: False for what has no order, and locks the rows that it changes: leases, duties, what is shown.

        Raises:
            StorageError: The database cannot be reached, is full, or stayed locked.
        """
        with _translate_errors(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                lazily = "" if durable else "SET LOCAL synchronous_commit = off;"
                connection.exec_driver_sql(f"BEGIN; {lazily} {_IN_TURN if serialized else ''}")
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
    statement = insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    if changed:
        return statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return statement.on_conflict_do_nothing(index_elements=keys)


@functools.cache
def _adding(dialect: str, table: Table) -> Executable:
    statement = insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_={"n": table.c.n + statement.excluded.n})


def insert(dialect: str, table: Table) -> Any:
    """An insert that may say what to do where the row exists."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def integrity(connection: Connection) -> str:
    """`ok`, or what SQLite finds wrong with its file."""
    if connection.dialect.name != "sqlite":
        return "ok"
    return str(connection.execute(text("PRAGMA quick_check(1)")).scalar())


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Send what is written in here without waiting for each answer; nothing may be read meanwhile."""
    if connection.dialect.name == "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline():
            yield
    except driver.OperationalError as error:
        raise OperationalError(None, None, error) from error


def _make_engine(url: str) -> Engine:
    """An engine whose connections begin no transactions by themselves.

    A pragma may then come before one, a statement that reads costs no begin and rollback, which would take twice as
    long as itself, and psycopg need not forget with each rollback what it had prepared.
    """
    if not url.startswith("sqlite:///"):
        options = {"pool_size": 20, "max_overflow": 30, "pool_timeout": 60}
        engine = create_engine(url, isolation_level="AUTOCOMMIT", **options)
        event.listen(engine, "before_cursor_execute", _without_nul, retval=True)
        event.listen(engine, "checkout", _require_connected)
        return engine
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 60})
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _require_connected(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool connect anew if the server closed this one meanwhile; costs no round trip, as a ping would."""
    if wait([connection], 0):
        try:
            connection.pgconn.consume_input()
        except connection.OperationalError as error:
            raise DisconnectionError(str(error)) from error


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig)
        if error.connection_invalidated or "connection" in reason:
            raise UnreachableError(f"The database does not answer: {reason}. Try again.") from error
        if "full" in reason:
            raise StorageError(
                "The disk is full: the database cannot grow. Free some space, then go on."
            ) from error
        if "locked" in reason:
            raise StorageError("The database stayed locked by another process for a minute. Try again.") from error
        raise StorageError(f"The database cannot be used: {reason}.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnreachableError(f"The database does not answer: {error.orig}. Try again.") from error
        raise


def _without_nul(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool) -> Any:
    """PostgreSQL keeps no NUL in texts, where nobody means anything by it; SQLite does."""
    rows = given if isinstance(given, list) else [given]
    if any(isinstance(value, str) and "\0" in value for row in rows for value in row.values()):
        given = [
            {key: value.replace("\0", "") if isinstance(value, str) else value for key, value in row.items()}
            for row in rows
        ]
        given = given if _many else given[0]
    return statement, given


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=60000")
    cursor.close()
