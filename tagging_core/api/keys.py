"""API keys: programs that may call Tagloop, each with the scopes it needs."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, select, update

from tagging_core.common.users import Action, Role, User, require
from tagging_core.errors import KeyRefusedError, NotFoundError
from tagging_core.storage import Database, insert_row
from tagging_core.storage.schema import api_keys

_MARK = "tagloop"
_USED_EVERY = timedelta(minutes=1)  # writing down each use would make a write of every read


class Scope(StrEnum):
    """What a program may do; the wording completes "This key may not ..."."""

    READ = "read"  # assets, tags, search, exports
    TAG = "tag"  # upload pictures and get tags
    DECIDE = "decide"  # accept, reject and undo, write texts
    HOOKS = "hooks"  # manage webhooks


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One program's key; times are UTC without zone. The key itself is shown once, when it is made.

    Attributes:
        prefix: The part of it that may be shown.
        used_at: Last use, to the minute; None if it was never used.
        revoked_at: Since when it opens nothing; None if it does.
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
        """As whom the program acts."""
        return User(f"program {self.name}", frozenset({Role.EDITOR}))


def create(connection: Connection, user: User, name: str, scopes: Iterable[Scope]) -> tuple[ApiKey, str]:
    """Make a key; it is told this once and only its hash is kept.

    Raises:
        NotAllowedError: That takes an administrator.
        KeyRefusedError: It has no name or no scope.
    """
    require(user, Action.OPERATE)
    clean, wanted = " ".join(name.split())[:80], sorted(set(scopes))
    if not clean or not clean.isprintable() or not wanted:
        raise KeyRefusedError(f"A key takes a name and at least one scope of {', '.join(Scope)}.")
    prefix = secrets.token_hex(4)
    token = f"{_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    row = {
        "name": clean,
        "prefix": prefix,
        "hash": _hash(token),
        "scopes": wanted,
        "created_by": user.name,
        "created_at": _now(),
    }
    key_id = insert_row(connection, api_keys, row)
    return get(connection, key_id), token


def get(connection: Connection, key_id: int) -> ApiKey:
    """A key by id.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFoundError(f"There is no key {key_id}.")
    return _to_key(row)


def all_keys(connection: Connection) -> list[ApiKey]:
    """Every key there is or was, latest first."""
    return [_to_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.id.desc()))]


def revoke(connection: Connection, user: User, key_id: int, revoked: bool = True) -> None:
    """Let a key open nothing any more, or again if that was a mistake."""
    require(user, Action.OPERATE)
    get(connection, key_id)
    mine = update(api_keys).where(api_keys.c.id == key_id)
    connection.execute(mine.values(revoked_at=_now() if revoked else None))


def check(database: Database, token: str) -> ApiKey:
    """The key that a program shows.

    Raises:
        KeyRefusedError: It is none of ours, or was revoked.
    """
    parts = token.split("_", 2)
    prefix = parts[1] if len(parts) == 3 and parts[0] == _MARK else ""
    with database.read() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.prefix == prefix)).first()
    # Compared also where there is no such key, so that the time it takes does not tell.
    if not hmac.compare_digest(_hash(token), row.hash if row else _hash("")) or row is None:
        raise KeyRefusedError("This is no key of this installation. An administrator makes keys on the Keys page.")
    found = _to_key(row)
    if found.revoked_at is not None:
        raise KeyRefusedError(f"The key {found.name!r} was revoked on {found.revoked_at:%Y-%m-%d}.")
    if found.used_at is None or _now() - found.used_at > _USED_EVERY:
        with database.write() as connection:
            connection.execute(update(api_keys).where(api_keys.c.id == found.id).values(used_at=_now()))
    return found


class ApiKeys:
    """The keys of programs, as administrators and the REST service call them.

    Args:
        database: The store of record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user: User, name: str, scopes: Iterable[Scope]) -> tuple[ApiKey, str]:
        """Make a key; returns it with its token, which is shown this once."""
        with self._database.write(durable=True) as connection:
            return create(connection, user, name, scopes)

    def listed(self) -> list[ApiKey]:
        """Return every key, revoked ones included."""
        with self._database.read() as connection:
            return all_keys(connection)

    def revoke(self, user: User, key_id: int, revoked: bool = True) -> None:
        """Revoke a key, or restore it."""
        with self._database.write(durable=True) as connection:
            revoke(connection, user, key_id, revoked)


def _hash(token: str) -> str:
    """Keys are long and random, so that a plain hash cannot be turned round by trying."""
    return hashlib.sha256(token.encode()).hexdigest()


def _to_key(row: Row) -> ApiKey:
    values = {name: getattr(row, name) for name in ApiKey.__dataclass_fields__}
    return ApiKey(**values | {"scopes": frozenset(Scope(s) for s in row.scopes)})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
