"""Errors as RFC 9457 problem details: a type for programs, a sentence for people."""

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
    """A caller exceeded its rate limit."""


class ReusedKeyError(TaggingError):
    """An idempotency key was already used for another request."""


class InProgressError(TaggingError):
    """The first request with an idempotency key is still in progress."""


KINDS: dict[type[TaggingError], tuple[int, str, str]] = {
    errors.KeyRefusedError: (401, "key-refused", "Missing or invalid API key"),
    errors.NotAllowedError: (403, "not-allowed", "The key lacks the required scope"),
    errors.NotFoundError: (404, "not-found", "Not found"),
    errors.DecisionError: (409, "contradiction", "The decision conflicts with the current state"),
    errors.LeasedError: (409, "leased", "Somebody else has this picture open"),
    InProgressError: (409, "in-work", "The same request is still in progress"),
    ReusedKeyError: (422, "key-reused", "The idempotency key was used for another request"),
    errors.PictureError: (422, "picture", "The picture cannot be read"),
    errors.SourceError: (422, "source", "The files cannot be ingested"),
    errors.SearchError: (422, "search", "Invalid parameter or query"),
    errors.TagError: (422, "tag", "The tag is not valid"),
    errors.TargetError: (422, "target", "The target precision cannot be guaranteed"),
    errors.WebhookError: (422, "webhook", "The webhook is not valid"),
    TooManyError: (429, "too-many", "Too many requests"),
    errors.BusyError: (503, "busy", "Temporarily busy"),
    errors.EncoderError: (503, "model", "The model is not available"),
    errors.UnreachableError: (503, "unreachable", "A required service cannot be reached"),
    errors.StorageError: (507, "storage", "The data cannot be stored"),
}
"""HTTP status, problem type and title by error class."""

_RETRY = {429: "1", 503: "5"}


def problem(
    status: int, kind: str, title: str, *, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return a problem response; `more` adds extension members."""
    body = {"type": f"urn:tagloop:problem:{kind}", "title": title, "status": status, "detail": detail, **more}
    sent = {**({"Retry-After": _RETRY[status]} if status in _RETRY else {}), **(headers or {})}
    return JSONResponse(body, status, sent, "application/problem+json")


def answer(error: TaggingError) -> JSONResponse:
    """Return the problem response for an expected error."""
    known = next((KINDS[kind] for kind in type(error).__mro__ if kind in KINDS), (422, "refused", "Refused"))
    challenge = {"WWW-Authenticate": "Bearer"} if known[0] == 401 else None
    return problem(*known, detail=str(error), headers=challenge)


def install(app: FastAPI) -> None:
    """Register handlers that answer every error with a problem."""

    @app.exception_handler(TaggingError)
    async def expected(_: Request, error: TaggingError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
        first = found[0] if found else {"at": "request", "message": "it cannot be read"}
        detail = f"{first['at']}: {first['message']}"
        return problem(422, "invalid", "The request is not valid", detail=detail, errors=found)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(
            error.status_code, "http", "The request failed", detail=str(error.detail), headers=error.headers
        )

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected error in a request", exc_info=error)
        return problem(500, "unexpected", "Unexpected error", detail="See the server's log for details.")
