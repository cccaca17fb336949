"""Idempotency: a request sent twice under one key is worked on once and answered the same.

After the IETF's draft on the Idempotency-Key header: another request under the same key is refused, and so is one
that comes while the first is worked on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from tagging_core.api.errors import InProgressError, ReusedKeyError
from tagging_core.errors import SearchError
from tagging_core.storage import Database
from tagging_core.storage.schema import answers

_KEPT = 86_400.0
_ABANDONED = 300.0  # seconds after which the first request is thought to have died with its process


def run_once(database: Database, caller: str, key: str, request: str, work: Callable[[], str]) -> tuple[str, bool]:
    """Do something once.

    Args:
        caller: Keys of two callers do not meet.
        key: Chosen by the caller; 1 to 200 printable characters.
        request: A hash of what is asked for.
        work: Does it and returns the answer.

    Returns:
        The answer, and whether it is one that was given before.

    Raises:
        SearchError: The key is no key.
        ReusedKeyError: It stood for another request.
        InWorkError: The first request is still worked on.
    """
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise SearchError("An idempotency key has 1 to 200 printable characters.")
    mine = answers.c.caller == caller, answers.c.key == key
    if (earlier := _claim(database, caller, key, request)) is not None:
        return earlier, True
    try:
        body = work()
    except BaseException:
        with database.write() as connection:
            connection.execute(delete(answers).where(*mine))  # it failed: it may be tried again
        raise
    with database.write() as connection:
        connection.execute(update(answers).where(*mine).values(status=200, body=body))
    return body, False


def _claim(database: Database, caller: str, key: str, request: str) -> str | None:
    """Take a key for a request; the answer that was given before if there is one."""
    now = time.time()
    with database.write() as connection:
        connection.execute(delete(answers).where(answers.c.at < now - _KEPT))
        unfinished = answers.c.status.is_(None), answers.c.at < now - _ABANDONED
        connection.execute(delete(answers).where(answers.c.caller == caller, answers.c.key == key, *unfinished))
        known = connection.execute(select(answers).where(answers.c.caller == caller, answers.c.key == key)).first()
        if known is None:
            row = {"caller": caller, "key": key, "request": request, "body": "", "at": now}
            try:
                with connection.begin_nested():
                    connection.execute(answers.insert(), row)
                return None
            except IntegrityError:
                raise InProgressError(
                    "The first request under this key is still worked on; ask again later."
                ) from None
    if known.request != request:
        raise ReusedKeyError(
            f"The idempotency key {key!r} stood for another request; use a new one for each request."
        )
    if known.status is None:
        raise InProgressError("The first request under this key is still worked on; ask again later.")
    return str(known.body)
