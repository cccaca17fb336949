"""API keys of programs, with scopes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from tagging_core.common.users import Action, Role, User, require
from tagging_core.errors import KeyRefusedError, NotFoundError
from tagging_core.storage import Database, insert_row
from tagging_core.storage.schema import api_keys

_MARK = "tagloop"
_USED_EVERY = timedelta(minutes=1)  # recording every use would turn each read into a write


class Scope(StrEnum):
    """What a program may do."""

    READ = "read"  # assets, tags, search, exports
    TAG = "tag"  # upload and tag pictures
    DECIDE = "decide"  # decisions, undo, texts
    HOOKS = "hooks"  # webhooks


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One program's key, without the token, which is shown once at creation. Times are naive UTC.

    Attributes:
        prefix: The part of the token that may be shown.
        used_at: Last use, to the minute; None if never used.
        revoked_at: None while the key is valid.
    """

    id: int
    name: str
    prefix: str
    scopes: frozenset[Scope]
    created_by: str
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def user(self) -> User:
        """The user the program acts as."""
        return User(f"program {self.name}", frozenset({Role.EDITOR}))


def create(connection: Connection, user: User, name: str, *, scopes: Iterable[Scope]) -> tuple[ApiKey, str]:
    """Create a key and return it with its token, of which only the hash is stored.

    Raises:
        NotAllowedError: The user is not an administrator.
        KeyRefusedError: The name or the scopes are missing.
    """
    require(user, Action.OPERATE)
    clean, granted = " ".join(name.split())[:80], sorted(set(scopes))
    if not clean or not clean.isprintable() or not granted:
        raise KeyRefusedError(f"An API key needs a printable name and at least one scope of {', '.join(Scope)}.")
    prefix = secrets.token_hex(4)
    token = f"{_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    row = {
        "name": clean,
        "prefix": prefix,
        "hash": _hash(token),
        "scopes": granted,
        "created_by": user.name,
        "created_at": _now(),
    }
    key_id = insert_row(connection, api_keys, row)
    return get(connection, key_id), token


def get(connection: Connection, key_id: int) -> ApiKey:
    """Return a key by id.

    Raises:
        NotFoundError: No key has this id.
    """
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFoundError(f"There is no API key {key_id}.")
    return _to_key(row)


def all_keys(connection: Connection) -> list[ApiKey]:
    """Return every key, revoked ones included, latest first."""
    return [_to_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.id.desc()))]


def revoke(connection: Connection, user: User, key_id: int, *, revoked: bool = True) -> None:
    """Revoke a key, or restore it with `revoked=False`.

    Raises:
        NotAllowedError: The user is not an administrator.
        NotFoundError: No key has this id.
    """
    require(user, Action.OPERATE)
    get(connection, key_id)
    mine = update(api_keys).where(api_keys.c.id == key_id)
    connection.execute(mine.values(revoked_at=_now() if revoked else None))


def check(database: Database, token: str) -> ApiKey:
    """Return the key a token belongs to, and record its use.

    Raises:
        KeyRefusedError: The token is unknown or revoked.
    """
    parts = token.split("_", 2)
    prefix = parts[1] if len(parts) == 3 and parts[0] == _MARK else ""
    with database.read() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).first()
    # Compare even if the prefix is unknown, so that response time does not reveal which prefixes exist.
    if not hmac.compare_digest(_hash(token), row.hash if row else _hash("")) or row is None:
        raise KeyRefusedError("Unknown API key. An administrator creates keys on the console's page Integrations.")
    found = _to_key(row)
    if found.revoked_at is not None:
        raise KeyRefusedError(f"The API key {found.name!r} was revoked on {found.revoked_at:%Y-%m-%d}.")
    if found.used_at is None or _now() - found.used_at > _USED_EVERY:
        with database.write() as connection:
            connection.execute(update(api_keys).where(api_keys.c.id == found.id).values(used_at=_now()))
    return found


class ApiKeys:
    """Creates, lists and revokes API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user: User, name: str, scopes: Iterable[Scope]) -> tuple[ApiKey, str]:
        """Create a key.

        Args:
            user: An administrator.
            name: Name of the program; cut after 80 characters.
            scopes: What the program may do; at least one.

        Returns:
            The key, and its token, which cannot be read again.

        Raises:
            NotAllowedError: The user is not an administrator.
            KeyRefusedError: The name or the scopes are missing, or the name is not printable.
        """
        with self._database.write(durable=True) as connection:
            return create(connection, user, name, scopes=scopes)

    def listed(self) -> list[ApiKey]:
        """Return all keys.

        Returns:
            Every key, revoked ones included, latest first.
        """
        with self._database.read() as connection:
            return all_keys(connection)

    def revoke(self, user: User, key_id: int, revoked: bool = True) -> None:
        """Revoke a key, or restore it.

        Args:
            user: An administrator.
            key_id: Id of the key.
            revoked: False restores it.

        Raises:
            NotAllowedError: The user is not an administrator.
            NotFoundError: No key has this id.
        """
        with self._database.write(durable=True) as connection:
            revoke(connection, user, key_id, revoked=revoked)


def _hash(token: str) -> str:
    """Hash a token; a plain hash suffices since tokens have 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _to_key(row: Row[Any]) -> ApiKey:
    values = {name: getattr(row, name) for name in ApiKey.__dataclass_fields__}
    return ApiKey(**values | {"scopes": frozenset(Scope(s) for s in row.scopes)})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
