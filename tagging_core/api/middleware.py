"""ASGI middleware of the REST service: HEAD, authentication, body size limit, request ids and metrics."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import anyio
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagging_core.api import auth, errors
from tagging_core.api.auth import Caller, RateLimiter
from tagging_core.app.tagloop import Tagloop
from tagging_core.common import log_context, metrics
from tagging_core.errors import KeyRefusedError, TaggingError

MAX_BODY = 500_000_000
"""Bytes of a request body; pictures and zips have limits of their own."""

MAX_JSON = 2_000_000
"""Bytes of a body without files."""

_GRACE_SECONDS, _SLOWEST = 30.0, 20_000  # a body may take so long, and a second more for so many bytes
_FIRST_DELAY, _LONGEST_DELAY, _HOSTS = 0.1, 5.0, 10_000
DOCS_STATIC = "/docs/static"
_PUBLIC = ("/docs", "/openapi.json")
_REQUEST_ID = re.compile(r"[\w.:-]{1,80}")

GetLoop = Callable[[], Tagloop]


class HeadMiddleware:
    """Answers HEAD as GET, without the body; FastAPI's routes answer GET alone.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, a HEAD as a GET whose body is dropped."""
        if scope.get("method") != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


class AuthMiddleware:
    """Authenticates and rate-limits each request before its body is read.

    Args:
        app: The protected application.
        get_loop: Returns the installation; the first call may be slow.
    """

    def __init__(self, app: ASGIApp, get_loop: GetLoop) -> None:
        self._app, self._get_loop = app, get_loop
        self._limiter: RateLimiter | None = None
        self._delays = _Delays()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store the caller in the request state, or answer with a problem."""
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path in _PUBLIC or path.startswith(f"{DOCS_STATIC}/"):
            await self._app(scope, receive, send)
            return
        try:
            caller = await anyio.to_thread.run_sync(self._authenticate, Request(scope))
        except TaggingError as error:
            if isinstance(error, KeyRefusedError):
                await anyio.sleep(self._delays.next(Request(scope)))
            await errors.answer(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    def _authenticate(self, request: Request) -> Caller:
        loop = self._get_loop()
        if self._limiter is None:
            self._limiter = RateLimiter(loop.settings.api_rate)
        caller = auth.identify(loop, request)
        self._limiter.take(caller.name)
        return caller


class _Delays:
    """Lets each refused key of an address wait longer than the one before; good keys never wait."""

    def __init__(self) -> None:
        self._refused: dict[str, tuple[int, float]] = {}

    def next(self, request: Request) -> float:
        host, now = request.client.host if request.client else "", time.monotonic()
        count, last = self._refused.get(host, (0, now))
        count = max(0, count - int((now - last) / _LONGEST_DELAY))  # what is long ago counts less and less
        if len(self._refused) >= _HOSTS:
            self._refused.clear()
        self._refused[host] = (min(count + 1, 60), now)
        return float(min(_LONGEST_DELAY, _FIRST_DELAY * 2**count))


class BodyLimitMiddleware:
    """Rejects request bodies that are too large, by `Content-Length` and by the bytes received, or too slow.

    Args:
        app: The protected application.
        most: Maximum body size in bytes; a body without files has at most `MAX_JSON`, too.
    """

    def __init__(self, app: ASGIApp, most: int = MAX_BODY) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body's bytes as they are received."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        has_files = headers.get("content-type", "").lower().startswith("multipart/")
        most = self._most if has_files else min(self._most, MAX_JSON)
        length = headers.get("content-length", "0")
        if length.isdecimal() and (len(length) > 18 or int(length) > most):
            await errors.problem(413, "http", "The request failed", detail=_too_large(most))(scope, receive, send)
            return
        await self._app(scope, _counted(receive, most), send)


def _counted(receive: Receive, most: int) -> Receive:
    received, is_complete, started = 0, False, time.monotonic()

    async def counted() -> Message:
        nonlocal received, is_complete
        if is_complete:  # what follows is the end of the connection, which may take any time
            return await receive()
        left = started + _GRACE_SECONDS + received / _SLOWEST - time.monotonic()
        try:
            with anyio.fail_after(max(0.0, left)):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request arrived too slowly.", {"Connection": "close"}) from None
        received += len(message.get("body", b""))
        is_complete = not message.get("more_body", False)
        if received > most:
            raise HTTPException(413, _too_large(most), {"Connection": "close"})
        return message

    return counted


def _too_large(most: int) -> str:
    what = "files" if most > MAX_JSON else "JSON"
    return f"A request may have at most {most / 1e6:.0f} MB of {what}. Send several requests."


class MetricsMiddleware:
    """Gives each request an id for logs and client, and records its duration for Prometheus.

    Args:
        app: The measured application. A client's valid `X-Request-ID` is kept; every response carries one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request and measure it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request
            await send(message)

        try:
            with log_context.about(request=request):
                await self._app(scope, receive, send_with_id)
        finally:
            # Label by operation, not by path: requests for random paths must not create new time series.
            operation = getattr(scope.get("route"), "name", "unknown")
            metrics.REQUESTS.labels(operation, str(status)).observe(time.perf_counter() - started)
