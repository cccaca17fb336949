"""Key-value store of an installation: revisions, counters and the time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Connection, ScalarSelect, String, cast, select

from tagging_core.storage.database import Database
from tagging_core.storage.schema import meta
from tagging_core.storage.statements import insert, upsert

ZONE = "insights.zone"
"""Key of the IANA time zone that defines a day in charts; stored so that all processes agree."""

LIBRARY = "library"
"""Key of the library revision: incremented by every learned change and every taxonomy change; a cache key."""

TAXONOMY = "taxonomy"
"""Key of the taxonomy revision: incremented by every change of a tag, category or profile."""


def get(connection: Connection, key: str, default: str = "") -> str:
    """Return a value, or the default if the key is missing."""
    value = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return default if value is None else str(value)


def query(key: str) -> ScalarSelect[str]:
    """Return a subquery that reads a key's value as part of another statement."""
    return select(meta.c.value).where(meta.c.key == key).scalar_subquery()


def put(connection: Connection, key: str, value: str) -> None:
    """Set a value."""
    upsert(connection, meta, [{"key": key, "value": value}])


def get_int(connection: Connection, key: str) -> int:
    """Return a counter, 0 if it was never incremented."""
    return int(get(connection, key, "0"))


def bump(connection: Connection, key: str) -> int:
    """Increment a counter atomically and return its new value."""
    new = insert(connection.dialect.name, meta).values(key=key, value="1")
    incremented = cast(cast(meta.c.value, BigInteger) + 1, String)
    statement = new.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": incremented}).returning(
        meta.c.value
    )
    return int(connection.execute(statement).scalar_one())


def zone_of(connection: Connection) -> str:
    """Return the IANA time zone that defines a day in charts."""
    return get(connection, ZONE, "UTC")


def today(connection: Connection) -> date:
    """Return the current date in that time zone."""
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
