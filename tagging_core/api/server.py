"""The REST service under `/api/v1`, with health checks and metrics beside it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
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

from tagging_core.api import errors, network
from tagging_core.api.middleware import (
    DOCS_STATIC,
    AuthMiddleware,
    BodyLimitMiddleware,
    GetLoop,
    HeadMiddleware,
    MetricsMiddleware,
)
from tagging_core.api.routes import ROUTERS
from tagging_core.app import prometheus
from tagging_core.app.tagloop import Tagloop
from tagging_core.common import log_context
from tagging_core.errors import TaggingError
from tagging_core.publishing import schemas
from tagging_core.settings import PRIVATE, load_settings

PREFIX = "/api/v1"


def create_api(get_loop: GetLoop) -> FastAPI:
    """Return the REST application, to be mounted at `PREFIX`."""
    api = FastAPIOffline(
        title="Tagloop",
        version="1",
        description="Tag pictures, search them, record decisions and subscribe to webhooks. All times are UTC.",
        redoc_url=None,
        static_url=DOCS_STATIC,
        generate_unique_id_function=_operation,
        responses={"4XX": {"model": schemas.Problem, "description": "Problem details (RFC 9457)"}},
    )
    api.state.get_loop = get_loop
    errors.install(api)
    for router in ROUTERS:
        api.include_router(router)
    api.add_middleware(AuthMiddleware, get_loop=get_loop)
    api.add_middleware(BodyLimitMiddleware)
    api.add_middleware(MetricsMiddleware)
    api.add_middleware(HeadMiddleware)
    return api


def routes(get_loop: GetLoop) -> list[BaseRoute]:
    """Return the routes of the REST service, health checks and metrics, for any ASGI application."""
    return [
        Route("/healthz", _health),
        Route("/readyz", partial(_ready, get_loop)),
        Route("/metrics", partial(_metrics, get_loop)),
        Mount(PREFIX, app=create_api(get_loop)),
    ]


def create_app() -> Starlette:
    """Return the service with its own worker: `uvicorn --factory tagging_core.api.server:create_app`."""
    settings = load_settings()
    os.umask(PRIVATE)
    log_context.configure(settings.log_json)
    return serve(Tagloop(settings))


def serve(loop: Tagloop) -> Starlette:
    """Return the service for an installation, which it starts and closes."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop.start()
        try:
            yield
        finally:
            loop.close()

    return Starlette(routes=routes(lambda: loop), middleware=network.middleware(loop.settings), lifespan=lifespan)


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def _ready(get_loop: GetLoop, _: Request) -> JSONResponse:
    trouble = await anyio.to_thread.run_sync(_trouble, get_loop)
    return JSONResponse({"status": trouble or "ready"}, 503 if trouble else 200)


async def _metrics(get_loop: GetLoop, _: Request) -> Response:
    text = await anyio.to_thread.run_sync(lambda: prometheus.expose(get_loop()))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _trouble(get_loop: GetLoop) -> str:
    """Return why the service is not ready; empty if it is."""
    try:
        loop = get_loop()
        with loop.database.read() as connection:
            connection.execute(text("SELECT 1"))
    except TaggingError as error:
        return str(error)
    if loop.worker is None:
        return "No worker runs in this process."
    if loop.worker.chroma == "opening" or not loop.worker.warm:
        return loop.worker.trouble or "The model and the search index are loading."
    return loop.worker.trouble


def _operation(route: APIRoute) -> str:
    return route.name
