"""The REST service under /api/v1: authenticates, limits, and passes on to `Operations`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tagging_core.api import auth, errors
from tagging_core.api.auth import Caller, RateLimiter
from tagging_core.api.measuring import MetricsMiddleware
from tagging_core.api.middleware import BodyLimitMiddleware
from tagging_core.api.routes import ROUTERS
from tagging_core.app import prometheus
from tagging_core.app.tagloop import Tagloop
from tagging_core.common import log_context
from tagging_core.errors import TaggingError
from tagging_core.publishing import schemas
from tagging_core.settings import load_settings

PREFIX = "/api/v1"
_STATIC = "/docs/static"
_OPEN = ("/docs", "/openapi.json")  # what it can do is no secret

GetLoop = Callable[[], Tagloop]


class AuthMiddleware:
    """Lets in who has a key, before anything of a request's body is read.

    Args:
        app: What lies behind the door.
        get_loop: Gives the installation; slow at its first call.
    """

    def __init__(self, app: ASGIApp, get_loop: GetLoop) -> None:
        self._app, self._get_loop = app, get_loop
        self._buckets: RateLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who it is."""
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path in _OPEN or path.startswith(f"{_STATIC}/"):
            await self._app(scope, receive, send)
            return
        try:
            caller = await anyio.to_thread.run_sync(self._enter, Request(scope))
        except TaggingError as error:
            await errors.answer(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    def _enter(self, request: Request) -> Caller:
        loop = self._get_loop()
        if self._buckets is None:
            self._buckets = RateLimiter(loop.settings.api_rate)
        caller = auth.identify(loop, request)
        self._buckets.take(caller.name)
        return caller


def create_api(get_loop: GetLoop) -> FastAPI:
    """The service without what stands around it, to be mounted at `PREFIX`."""
    api = FastAPIOffline(
        title="Tagloop",
        version="1",
        description="Tag pictures, search them, decide about them, and be told what happens. Times are UTC.",
        redoc_url=None,
        static_url=_STATIC,
        generate_unique_id_function=_operation,
        responses={"4XX": {"model": schemas.Problem, "description": "What went wrong (RFC 9457)"}},
    )
    api.state.get_loop = get_loop
    errors.install(api)
    for router in ROUTERS:
        api.include_router(router)
    api.add_middleware(AuthMiddleware, get_loop=get_loop)
    api.add_middleware(BodyLimitMiddleware)
    api.add_middleware(MetricsMiddleware)
    return api


def routes(get_loop: GetLoop) -> list[BaseRoute]:
    """The service and its health, for any ASGI application to serve."""
    return [
        Route("/healthz", _health),
        Route("/readyz", partial(_ready, get_loop)),
        Route("/metrics", partial(_metrics, get_loop)),
        Mount(PREFIX, app=create_api(get_loop)),
    ]


def create_app() -> Starlette:
    """The service alone, with a worker of its own: `uvicorn --factory tagging_core.api.server:create_app`."""
    settings = load_settings()
    log_context.configure(settings.log_json)
    loop = Tagloop(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop.start()
        try:
            yield
        finally:
            loop.close()

    return Starlette(routes=routes(lambda: loop), lifespan=lifespan)


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _ready(get_loop: GetLoop, _: Request) -> JSONResponse:
    trouble = await anyio.to_thread.run_sync(_trouble, get_loop)
    return JSONResponse({"status": trouble or "ready"}, 503 if trouble else 200)


async def _metrics(get_loop: GetLoop, _: Request) -> Response:
    text = await anyio.to_thread.run_sync(lambda: prometheus.expose(get_loop()))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _trouble(get_loop: GetLoop) -> str:
    """What keeps it from answering; empty if nothing does."""
    try:
        loop = get_loop()
        with loop.database.read() as connection:
            connection.execute(text("SELECT 1"))
    except TaggingError as error:
        return str(error)
    if loop.worker is None:
        return "The worker does not run in this process."
    if loop.worker.chroma == "opening" or not loop.worker.warm:
        return loop.worker.trouble or "The model and the search index are being opened."
    return loop.worker.trouble


def _operation(route: APIRoute) -> str:
    return route.name
