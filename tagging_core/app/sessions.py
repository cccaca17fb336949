"""Sessions of people who signed in: a list, an end, and signing out everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update

from tagging_core.common.users import Action, User, require
from tagging_core.errors import SessionEndedError
from tagging_core.settings import Settings
from tagging_core.storage import Database, insert
from tagging_core.storage.schema import sessions

_IDENTITY = ("iss", "sub", "iat", "exp", "nonce")  # no two sign-ins have all in common


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in in one browser. Times are naive UTC.

    Attributes:
        user: Name of the person.
        seen_at: Latest act, a little rounded.
        ended_at: None while it lasts.
    """

    id: int
    user: str
    browser: str
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None


class Sessions:
    """Begins, checks and ends sessions.

    Args:
        database: Shared by all consoles, so that an end counts on each.
        settings: Say how long a session may last.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._idle = timedelta(hours=settings.session_idle_hours)
        self._longest = timedelta(hours=settings.session_hours)

    def use(self, claims: Mapping[str, Any], user: str, *, browser: str = "", acts: bool = True) -> Session:
        """Return the session of a sign-in, which begins with its first use.

        Args:
            claims: What the identity provider said at sign-in.
            user: Name of the person.
            browser: What the browser calls itself.
            acts: Whether the person does something; False for a page that refreshes itself.

        Raises:
            SessionEndedError: It was ended, or was not used for too long, or is too old.
        """
        key, now = _key(claims), _now()
        found = self._find(key) or self._begin(key, claims, user=user, browser=browser)
        if found.ended_at is not None:
            raise SessionEndedError("You were signed out. Please sign in again.")
        if now - found.seen_at > self._idle or now - found.started_at > self._longest:
            raise SessionEndedError("Your session has expired. Please sign in again.")
        if acts and now - found.seen_at > min(self._idle / 10, timedelta(minutes=1)):
            with self._database.write() as connection:
                connection.execute(update(sessions).where(sessions.c.id == found.id).values(seen_at=now))
        return found

    def open_sessions(self, user: str | None = None) -> list[Session]:
        """Return the sessions that last, of one person or of all, latest first."""
        now = _now()
        lasting = [
            sessions.c.ended_at.is_(None),
            sessions.c.seen_at >= now - self._idle,
            sessions.c.started_at >= now - self._longest,
        ]
        if user is not None:
            lasting.append(sessions.c.user == user)
        with self._database.read() as connection:
            rows = connection.execute(select(sessions).where(*lasting).order_by(sessions.c.id.desc()))
            return [_session(row) for row in rows]

    def end(self, claims: Mapping[str, Any]) -> None:
        """End the session of a sign-in, in all tabs of its browser."""
        self._end(sessions.c.key == _key(claims))

    def end_everywhere(self, actor: User, user: str) -> None:
        """End all sessions of a person.

        Args:
            actor: The person, or an administrator.
            user: Name of the person.

        Raises:
            NotAllowedError: Another person's, and the actor is not an administrator.
        """
        if actor.name != user:
            require(actor, Action.OPERATE)
        self._end(sessions.c.user == user)

    def _find(self, key: str) -> Session | None:
        with self._database.read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.key == key)).first()
        return _session(row) if row is not None else None

    def _begin(self, key: str, claims: Mapping[str, Any], *, user: str, browser: str) -> Session:
        now = _now()
        row = {
            "key": key,
            "user": user[:320],
            "browser": browser[:200],
            "started_at": min(now, _signed_in_at(claims) or now),
            "seen_at": now,
        }
        with self._database.write(durable=True) as connection:
            statement = insert(connection.dialect.name, sessions).on_conflict_do_nothing(index_elements=["key"])
            connection.execute(statement.values(row))
        found = self._find(key)
        assert found is not None
        return found

    def _end(self, which: ColumnElement[bool]) -> None:
        with self._database.write(durable=True) as connection:
            ended = update(sessions).where(which, sessions.c.ended_at.is_(None))
            connection.execute(ended.values(ended_at=_now()))


def _key(claims: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([claims.get(name) for name in _IDENTITY]).encode()).hexdigest()


def _signed_in_at(claims: Mapping[str, Any]) -> datetime | None:
    issued = claims.get("iat")
    try:
        return datetime.fromtimestamp(issued, UTC).replace(tzinfo=None)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _session(row: Row[Any]) -> Session:
    return Session(**{name: getattr(row, name) for name in Session.__dataclass_fields__})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
