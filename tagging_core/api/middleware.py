"""Limits of one request, kept before anything of it is believed."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagging_core.api.errors import problem

MAX_BODY = 500_000_000
"""Bytes of one request; pictures and zips have limits of their own."""


class BodyLimitMiddleware:
    """Refuses requests whose body is too large, by what they say and by what they send.

    Args:
        app: What is protected.
        most: Bytes.
    """

    def __init__(self, app: ASGIApp, most: int = MAX_BODY) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count while it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > self._most:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, counted, send)

    @property
    def _detail(self) -> str:
        return f"One request may have {self._most / 1e6:.0f} MB; send the pictures in several."

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problem(413, "http", "The request cannot be answered", self._detail)(scope, receive, send)
