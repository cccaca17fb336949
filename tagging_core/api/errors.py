"""Errors as RFC 9457 problem details: a type to branch on, a sentence to read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tagging_core import errors
from tagging_core.errors import TaggingError

_log = logging.getLogger(__name__)


class TooManyError(TaggingError):
    """A key makes more requests than it may."""


class ReusedKeyError(TaggingError):
    """An idempotency key that stood for another request."""


class InProgressError(TaggingError):
    """The first request under an idempotency key is still worked on."""


KINDS: dict[type[TaggingError], tuple[int, str, str]] = {
    errors.KeyRefusedError: (401, "key-refused", "No key, or one that does not open this"),
    errors.NotAllowedError: (403, "not-allowed", "This key may not do that"),
    errors.NotFoundError: (404, "not-found", "There is no such thing"),
    errors.DecisionError: (409, "contradiction", "The decision contradicts what stands"),
    errors.LeasedError: (409, "leased", "Somebody else has the picture open"),
    InProgressError: (409, "in-work", "The same request is still worked on"),
    ReusedKeyError: (422, "key-reused", "The idempotency key stood for another request"),
    errors.PictureError: (422, "picture", "This picture cannot be read"),
    errors.SourceError: (422, "source", "These files cannot be taken"),
    errors.SearchError: (422, "search", "This cannot be looked for"),
    errors.TagError: (422, "tag", "The tag is not valid"),
    errors.TargetError: (422, "target", "That precision cannot be promised"),
    errors.WebhookError: (422, "webhook", "This address cannot be told"),
    TooManyError: (429, "too-many", "Too many requests"),
    errors.BusyError: (503, "busy", "Not now"),
    errors.EncoderError: (503, "model", "The model is not available"),
    errors.UnreachableError: (503, "unreachable", "Not now"),
    errors.StorageError: (507, "storage", "What was sent cannot be kept"),
}
"""Status, type and title by kind of error."""

_RETRY = {429: "1", 503: "5"}


def problem(
    status: int, kind: str, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An answer that says what went wrong."""
    body = {"type": f"urn:tagloop:problem:{kind}", "title": title, "status": status, "detail": detail, **more}
    sent = {**({"Retry-After": _RETRY[status]} if status in _RETRY else {}), **(headers or {})}
    return JSONResponse(body, status, sent, "application/problem+json")


def answer(error: TaggingError) -> JSONResponse:
    """An expected failure as an answer."""
    known = next((KINDS[kind] for kind in type(error).__mro__ if kind in KINDS), (422, "refused", "Refused"))
    challenge = {"WWW-Authenticate": "Bearer"} if known[0] == 401 else None
    return problem(*known, str(error), challenge)


def install(app: FastAPI) -> None:
    """Let an application answer every error as a problem."""

    @app.exception_handler(TaggingError)
    async def expected(_: Request, error: TaggingError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
        first = found[0] if found else {"at": "request", "message": "it cannot be read"}
        detail = f"{first['at']}: {first['message']}"
        return problem(422, "invalid", "The request is not of the expected form", detail, errors=found)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(
            error.status_code, "http", "The request cannot be answered", str(error.detail), error.headers
        )

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        _log.error("a request met an unexpected error", exc_info=error)
        return problem(500, "unexpected", "An unexpected error", "The server's log has the details.")
