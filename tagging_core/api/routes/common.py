"""Dependencies and parameters shared by the routes, and idempotent responses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Form, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from tagging_core.api import auth
from tagging_core.api.auth import Caller
from tagging_core.api.idempotency import run_once
from tagging_core.api.keys import Scope
from tagging_core.api.operations import Operations
from tagging_core.app.tagloop import Tagloop
from tagging_core.publishing import schemas

FILES_MOST = 1_000


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


class _Authorized:
    """A dependency that checks a scope; `ScopedRoute` checks it before the body, too."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Operations:
        caller = _caller(request)
        auth.require(caller, self.scope)
        return Operations(request.app.state.get_loop(), caller.user)


class ScopedRoute(APIRoute):
    """A route that refuses a key without its scope before the body is read and parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()
        needed = [each.call.scope for each in self.dependant.dependencies if isinstance(each.call, _Authorized)]

        async def handle_authorized(request: Request) -> Response:
            for scope in needed:
                auth.require(_caller(request), scope)
            return await handle(request)

        return handle_authorized


Reading = Annotated[Operations, Depends(_Authorized(Scope.READ))]
Tagging = Annotated[Operations, Depends(_Authorized(Scope.TAG))]
Deciding = Annotated[Operations, Depends(_Authorized(Scope.DECIDE))]
Hooking = Annotated[Operations, Depends(_Authorized(Scope.HOOKS))]
AssetId = Annotated[int, Path(ge=1, le=2**53, description="a picture's id", examples=[1])]
AnyId = Annotated[int, Path(ge=1, le=2**53, examples=[1])]
Cursor = Annotated[str | None, Query(max_length=20, description="`next` of the previous page")]
Limit = Annotated[int, Query(ge=1, le=200)]
Language = Annotated[schemas.Language, Query(description="language of names and descriptions")]
Filters = Annotated[schemas.Filters, Query()]
ProfileName = Annotated[
    str, Form(max_length=250, description="business type; see /profiles", examples=["e-commerce"])
]
OnceKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="your own; a retry with the same key gets the first response"),
]


def once(
    request: Request, key: str | None, parts: list[str | bytes], work: Callable[[], BaseModel], status: int = 200
) -> Response:
    """Run a write once per idempotency key and return its response; `parts` identify the request."""
    if key is None:
        return Response(work().model_dump_json(), status, media_type="application/json")
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}".encode())
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(hashlib.sha256(data).digest())
    loop: Tagloop = request.app.state.get_loop()
    body, replayed = run_once(
        loop.database, _caller(request).name, key, request=digest.hexdigest(), work=lambda: work().model_dump_json()
    )
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(body, status, headers, "application/json")
