"""Sessions of people who signed in end by themselves, by signing out, and everywhere at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from tagging_core import Settings, Tagloop, User
from tagging_core.app.sessions import Sessions
from tagging_core.common.users import Role
from tagging_core.errors import NotAllowedError, SessionEndedError
from tagging_core.storage.schema import sessions as table

ANN = "ann@example.com"
ISSUED = int(time.time())


@pytest.fixture
def sessions(loop: Tagloop) -> Sessions:
    return Sessions(loop.database, Settings())


def sign_in(nonce: str, **claims: object) -> dict[str, object]:
    return {"iss": "https://login.example.com", "sub": "1", "iat": ISSUED, "nonce": nonce, **claims}


def shift(loop: Tagloop, **hours: float) -> None:
    """Move times of all sessions into the past."""
    with loop.database.write() as connection:
        row = connection.execute(table.select()).one()
        moved = {name: getattr(row, name) - timedelta(hours=n) for name, n in hours.items()}
        connection.execute(update(table).values(moved))


def test_a_session_is_one_sign_in_in_all_tabs(sessions: Sessions) -> None:
    first = sessions.use(sign_in("a"), ANN, browser="Firefox")
    assert sessions.use(sign_in("a"), ANN).id == first.id
    second = sessions.use(sign_in("b"), ANN)
    assert [each.id for each in sessions.open_sessions(ANN)] == [second.id, first.id]
    assert sessions.open_sessions("mo@example.com") == []


def test_signing_out_ends_that_session_for_good(sessions: Sessions) -> None:
    sessions.use(sign_in("a"), ANN)
    sessions.use(sign_in("b"), ANN)
    sessions.end(sign_in("a"))
    with pytest.raises(SessionEndedError, match="signed out"):
        sessions.use(sign_in("a"), ANN)
    assert len(sessions.open_sessions()) == 1


def test_a_person_or_an_administrator_signs_out_everywhere(sessions: Sessions) -> None:
    for nonce in "abc":
        sessions.use(sign_in(nonce), ANN)
    sessions.use(sign_in("d", sub="2"), "mo@example.com")
    with pytest.raises(NotAllowedError):
        sessions.end_everywhere(User("mo@example.com", frozenset({Role.MANAGER})), ANN)
    sessions.end_everywhere(User("root@example.com", frozenset({Role.ADMIN})), ANN)
    assert [each.user for each in sessions.open_sessions()] == ["mo@example.com"]
    sessions.end_everywhere(User("mo@example.com", frozenset()), "mo@example.com")
    assert sessions.open_sessions() == []


def test_an_idle_session_expires_and_acts_keep_it(loop: Tagloop, sessions: Sessions) -> None:
    sessions.use(sign_in("a"), ANN)
    shift(loop, seen_at=3.9)
    sessions.use(sign_in("a"), ANN, acts=False)  # a page that refreshes itself
    shift(loop, seen_at=0.2)
    with pytest.raises(SessionEndedError, match="expired"):
        sessions.use(sign_in("a"), ANN)
    with loop.database.write() as connection:
        connection.execute(table.delete())
    sessions.use(sign_in("b"), ANN)
    shift(loop, seen_at=3.9)
    sessions.use(sign_in("b"), ANN)
    shift(loop, seen_at=0.2)
    sessions.use(sign_in("b"), ANN)


def test_a_session_in_use_expires_too(loop: Tagloop, sessions: Sessions) -> None:
    sessions.use(sign_in("a"), ANN)
    shift(loop, started_at=24.1)
    for _ in range(2):
        with pytest.raises(SessionEndedError):
            sessions.use(sign_in("a"), ANN)
    assert sessions.open_sessions() == []


def test_an_old_cookie_does_not_begin_a_session(sessions: Sessions) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    with pytest.raises(SessionEndedError):
        sessions.use(sign_in("a", iat=old), ANN)


@pytest.mark.parametrize("issued", [None, "now", 1e300, -1e300, float("nan"), [1], 4e9])
def test_a_time_that_makes_no_sense_begins_the_session_now(sessions: Sessions, issued: object) -> None:
    assert abs(sessions.use(sign_in("a", iat=issued), ANN).started_at - datetime.now(UTC).replace(tzinfo=None)) < (
        timedelta(minutes=1)
    )
