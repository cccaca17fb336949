"""Statements that SQLite and PostgreSQL spell differently."""

from __future__ import annotations

import functools
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_row(connection: Connection, table: Table, row: dict[str, Any]) -> int:
    """Insert a row.

    Args:
        connection: A write transaction.
        table: Has an integer primary key that the database generates.
        row: Values by column name.

    Returns:
        The generated id.
    """
    key = connection.execute(table.insert().values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows; where the primary key exists, update the other given columns.

    Args:
        connection: A write transaction.
        table: Has a primary key, which every row gives.
        rows: Values by column name, all with the columns of the first; empty does nothing.
    """
    if rows:
        connection.execute(_upsert_statement(connection.dialect.name, table, tuple(rows[0])), rows)


def add_to(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Add to counters; a missing one starts at 0.

    Args:
        connection: A write transaction.
        table: Counters in its column `n`.
        rows: The primary key of each counter and `n`, the number to add; may be negative. Empty does nothing.
    """
    if rows:
        connection.execute(_increment_statement(connection.dialect.name, table), rows)


@functools.cache  # building a statement takes longer than running it on SQLite
def _upsert_statement(dialect: str, table: Table, columns: tuple[str, ...]) -> Any:
    statement = insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    updates = {name: statement.excluded[name] for name in columns if name not in keys}
    if updates:
        return statement.on_conflict_do_update(index_elements=keys, set_=updates)
    return statement.on_conflict_do_nothing(index_elements=keys)


@functools.cache
def _increment_statement(dialect: str, table: Table) -> Any:
    statement = insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_={"n": table.c.n + statement.excluded.n})


def insert(dialect: str, table: Table) -> Any:
    """Return an INSERT statement that can resolve conflicts.

    Args:
        dialect: `sqlite`; any other name means PostgreSQL.

    Returns:
        The dialect's INSERT, with `on_conflict_do_update` and `on_conflict_do_nothing`.
    """
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
