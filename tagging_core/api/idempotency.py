"""Idempotency keys: a request repeated with the same key runs once and gets the stored answer.

Follows the IETF draft of the Idempotency-Key header: a different request with the same key is refused, and so is a
repetition while the first request is in progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import and_, delete, or_, select, update

from tagging_core.api.errors import InProgressError, ReusedKeyError
from tagging_core.errors import SearchError
from tagging_core.storage import Database, insert
from tagging_core.storage.schema import answers

_KEEP_SECONDS = 86_400.0
_ABANDONED_SECONDS = 300.0  # an unfinished request older than this is taken to have died with its process
_IN_PROGRESS = "The first request with this idempotency key is still in progress; try again later."


def run_once(
    database: Database, caller: str, key: str, *, request: str, work: Callable[[], str]
) -> tuple[str, bool]:
    """Run a request once per idempotency key.

    Args:
        database: The store of record; answers are kept for a day.
        caller: Namespace of the key.
        key: Chosen by the caller; 1 to 200 printable characters.
        request: Hash of the request.
        work: Runs the request and returns the response body. If it raises, the key is free again.

    Returns:
        The response body, and whether it is a stored one.

    Raises:
        SearchError: The key is empty, too long or not printable.
        ReusedKeyError: The key was used for another request.
        InProgressError: The first request is still in progress.
    """
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise SearchError(f"An idempotency key has 1 to 200 printable characters, not {key[:40]!r}.")
    mine = answers.c.caller == caller, answers.c.key == key
    if (stored := _claim(database, caller, key, request=request)) is not None:
        return stored, True
    try:
        body = work()
    except BaseException:
        with database.write() as connection:
            connection.execute(delete(answers).where(*mine))  # allow a retry
        raise
    with database.write() as connection:
        connection.execute(update(answers).where(*mine).values(status=200, body=body))
    return body, False


def _claim(database: Database, caller: str, key: str, *, request: str) -> str | None:
    """Claim a key for a request; return the stored answer if the request has finished before."""
    now = time.time()
    mine = answers.c.caller == caller, answers.c.key == key
    abandoned = and_(*mine, answers.c.status.is_(None), answers.c.at < now - _ABANDONED_SECONDS)
    row = {"caller": caller, "key": key, "request": request, "body": "", "at": now}
    with database.write() as connection:
        connection.execute(delete(answers).where(or_(answers.c.at < now - _KEEP_SECONDS, abandoned)))
        claim = (
            insert(connection.dialect.name, answers).values(row).on_conflict_do_nothing().returning(answers.c.key)
        )
        if connection.execute(claim).first() is not None:
            return None
        known = connection.execute(select(answers).where(*mine)).first()
    if known is None:  # the first request has just failed
        raise InProgressError(_IN_PROGRESS)
    if known.request != request:
        raise ReusedKeyError(f"The idempotency key {key!r} was used for another request; use a new one.")
    if known.status is None:
        raise InProgressError(_IN_PROGRESS)
    return str(known.body)
