"""Small named values of the whole installation: revisions and the like."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Connection, String, cast, select

from tagging_core.storage import Database, insert, upsert
from tagging_core.storage.schema import meta

ZONE = "insights.zone"
"""The zone, by its IANA name, whose days are counted; kept in the database, so that all processes count alike."""

LIBRARY = "library"
"""Moves with every learned change and every change of the taxonomy; caches key on it."""

TAXONOMY = "taxonomy"
"""Moves with every change of a tag, category or profile."""


def get(connection: Connection, key: str, default: str = "") -> str:
    """A value by name."""
    value = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return default if value is None else str(value)


def put(connection: Connection, key: str, value: str) -> None:
    """Keep a value."""
    upsert(connection, meta, [{"key": key, "value": value}])


def get_int(connection: Connection, key: str) -> int:
    """A counter by name, 0 if it was never moved."""
    return int(get(connection, key, "0"))


def bump(connection: Connection, key: str) -> int:
    """Move a counter by one and return it."""
    new = insert(connection.dialect.name, meta).values(key=key, value="1")
    moved = cast(cast(meta.c.value, BigInteger) + 1, String)
    moving = new.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": moved}).returning(meta.c.value)
    return int(connection.execute(moving).scalar_one())


def zone_of(connection: Connection) -> str:
    """The zone whose days are counted."""
    return get(connection, ZONE, "UTC")


def today(connection: Connection) -> date:
    """What day it is there."""
    return datetime.now(UTC).astimezone(ZoneInfo(zone_of(connection))).date()


class KeyValueStore:
    """Named values of an installation, for callers that hold no transaction.

    Args:
        database: The store of record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, default: str = "") -> str:
        """Return the value of a key."""
        with self._database.read() as connection:
            return get(connection, key, default)

    def put(self, key: str, value: str) -> None:
        """Set the value of a key."""
        with self._database.write() as connection:
            put(connection, key, value)
