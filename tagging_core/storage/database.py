"""The SQL database: engine, read and write transactions, migrations."""

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
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    NoSuchModuleError,
    OperationalError,
)

from tagging_core.errors import NotFoundError, StorageError, UnreachableError

_TOO_LARGE = "A number is too large: ids have at most 64 bits."
_WRITERS_LOCK = "SELECT pg_advisory_xact_lock(7216841)"  # an arbitrary key


class Database:
    """Connections to one SQL database; thread-safe.

    Args:
        url: SQLAlchemy URL. A SQLite file and its folder are created if missing.

    Raises:
        StorageError: The URL is malformed, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            self.engine = _make_engine(url)
            # SQLite chooses durability by connection: a second pool saves a pragma in each transaction.
            self._durable = _make_engine(url, durable=True) if self.is_sqlite else self.engine
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise StorageError(
                f"TAGLOOP_DATABASE_URL={_mask_password(url)!r} is invalid: {error} Expected "
                "postgresql+psycopg://USER:PASSWORD@HOST/NAME, or an empty value for SQLite in the data folder."
            ) from error

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, the default, rather than PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    def migrate(self, revision: str = "head") -> None:
        """Upgrade the schema; a no-op if it is current.

        Processes that start at the same time are serialized. Running processes are not disturbed: a migration only
        adds to the schema, or changes what the previous release does not read.

        Args:
            revision: Alembic revision; an older one to restore a backup of that age.

        Raises:
            StorageError: The database cannot be reached or written.
        """
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading.

        Yields:
            A connection in autocommit: each statement sees what was committed before it.

        Raises:
            StorageError: The database cannot be reached or read.
        """
        with _translate_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a read-only transaction.

        Yields:
            A connection that sees one consistent state, whatever is committed meanwhile.

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
        """Open a transaction that commits at the end of the block and rolls back on any exception.

        Args:
            durable: Wait for the disk, so that the commit survives a power failure; for decisions of people.
            serialized: Take the writers' lock, so that a reader who sees an id or revision sees all before it.
                False for unordered writes that lock only their rows (leases, leader locks); no effect on SQLite.

        Yields:
            The transaction's connection.

        Raises:
            StorageError: The database cannot be reached, is full, or stayed locked for a minute.
        """
        with _translate_errors(), (self._durable if durable else self.engine).connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # upgrading a read lock later could fail
            else:
                commit_mode = "" if durable else "SET LOCAL synchronous_commit = off;"
                connection.exec_driver_sql(f"BEGIN; {commit_mode} {_WRITERS_LOCK if serialized else ''}")
            yield connection
            connection.commit()

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()
        self._durable.dispose()


def integrity(connection: Connection) -> str:
    """Check the structure of the database file.

    Args:
        connection: A read transaction.

    Returns:
        `ok`, or the first problem that SQLite's quick check finds; always `ok` on PostgreSQL.
    """
    if connection.dialect.name != "sqlite":
        return "ok"
    return str(connection.execute(text("PRAGMA quick_check(1)")).scalar())


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """Send the block's writes to PostgreSQL without waiting for each result; no effect on SQLite.

    Args:
        connection: A write transaction, which the block must not read from.

    Yields:
        Nothing; all writes have been executed at the end of the block.

    Raises:
        OperationalError: A write failed or the connection was lost; `Database.write` raises it as a StorageError.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline():
            yield
    except driver.OperationalError as error:
        raise OperationalError(None, None, error) from error


def _make_engine(url: str, durable: bool = False) -> Engine:
    """Create an engine in autocommit mode: transactions begin explicitly.

    So pragmas can precede a transaction, a single SELECT saves the BEGIN and ROLLBACK that would triple its time,
    and psycopg keeps its prepared statements, which it drops at a rollback.
    """
    if not url.startswith("sqlite:///"):
        options = {"pool_size": 20, "max_overflow": 30, "pool_timeout": 60}
        engine = create_engine(url, isolation_level="AUTOCOMMIT", **options)
        event.listen(engine, "before_cursor_execute", _strip_nul, retval=True)
        event.listen(engine, "checkout", _require_connected)
        return engine
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 60})
    event.listen(engine, "connect", functools.partial(_configure_sqlite, durable))
    return engine


def _require_connected(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool reconnect if the server closed this connection; unlike a ping, costs no round trip."""
    if wait([connection], 0):
        try:
            connection.pgconn.consume_input()
        except connection.OperationalError as error:
            raise DisconnectionError(str(error)) from error


def _mask_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig)
        if error.connection_invalidated or "connection" in reason:
            raise UnreachableError(f"The database does not respond: {reason}. Try again.") from error
        if "full" in reason:
            raise StorageError(
                "The disk is full: the database cannot grow. Free some space, then try again."
            ) from error
        if "locked" in reason:
            raise StorageError("The database was locked by another process for a minute. Try again.") from error
        raise StorageError(f"The database reports an error: {reason}.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnreachableError(f"The database does not respond: {error.orig}. Try again.") from error
        if isinstance(error, DataError) and "out of range" in str(error.orig):  # of PostgreSQL
            raise NotFoundError(_TOO_LARGE) from error
        raise
    except OverflowError as error:
        if "SQLite" not in str(error):
            raise
        raise NotFoundError(_TOO_LARGE) from error


def _strip_nul(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> Any:
    """Remove NUL characters from text parameters: PostgreSQL rejects them, SQLite stores them."""
    rows = parameters if isinstance(parameters, list) else [parameters]
    if any(isinstance(value, str) and "\0" in value for row in rows for value in row.values()):
        parameters = [
            {key: value.replace("\0", "") if isinstance(value, str) else value for key, value in row.items()}
            for row in rows
        ]
        parameters = parameters if _many else parameters[0]
    return statement, parameters


def _configure_sqlite(durable: bool, connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=60000")
    cursor.close()
