"""What is known of every request: an id for the logs and the client, and how long it took, for Prometheus."""

from __future__ import annotations

import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagging_core.common import log_context, metrics

_GIVEN = re.compile(r"[\w.:-]{1,80}")


class MetricsMiddleware:
    """Numbers and times requests.

    Args:
        app: What answers them; a client's `X-Request-ID` is kept, and every answer carries one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        started, status = time.perf_counter(), 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request
            await send(message)

        try:
            with log_context.about(request=request):
                await self._app(scope, receive, told)
        finally:
            # Known operations alone: whoever asks for addresses at random makes no new time series.
            operation = getattr(scope.get("route"), "name", "unknown")
            metrics.REQUESTS.labels(operation, str(status)).observe(time.perf_counter() - started)
