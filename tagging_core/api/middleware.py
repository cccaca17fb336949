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
from tagging_core.errors import TaggingError

MAX_BODY = 500_000_000
"""Bytes of a request body; pictures and zips have limits of their own."""

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store the caller in the request state, or answer with a problem."""
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path in _PUBLIC or path.startswith(f"{DOCS_STATIC}/"):
            await self._app(scope, receive, send)
            return
        try:
            caller = await anyio.to_thread.run_sync(self._authenticate, Request(scope))
        except TaggingError as error:
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


class BodyLimitMiddleware:
    """Rejects request bodies that are too large, by `Content-Length` and by the bytes received.

    Args:
        app: The protected application.
        most: Maximum body size in bytes.
    """

    def __init__(self, app: ASGIApp, most: int = MAX_BODY) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body's bytes as they are received."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            await self._refuse(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, counted, send)

    @property
    def _detail(self) -> str:
        return f"A request may have at most {self._most / 1e6:.0f} MB; send the pictures in several requests."

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await errors.problem(413, "http", "The request failed", detail=self._detail)(scope, receive, send)


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
