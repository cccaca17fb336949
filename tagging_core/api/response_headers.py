"""Headers that tell browsers what an answer may do: nothing of other sites, and cookies over TLS only."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Streamlit draws charts with generated code and starts components from blob: addresses; all of it is our own.
_CSP = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _CSP.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
_HSTS = "max-age=31536000"


class ResponseHeadersMiddleware:
    """Adds the headers to every answer that does not set them itself.

    Args:
        app: The application.
        https: Whether people reach it by https even where the request does not say so.
    """

    def __init__(self, app: ASGIApp, https: bool = False) -> None:
        self._app, self._https = app, https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request and complete its answer."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message), self._https or scope["scheme"] == "https")
            await send(message)

        await self._app(scope, receive, complete if scope["type"] == "http" else send)

    def _complete(self, headers: MutableHeaders, https: bool) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if https:
            headers.setdefault("Strict-Transport-Security", _HSTS)
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for cookie in cookies:
                parts = {part.strip().lower() for part in cookie.split(";")}
                headers.append("set-cookie", cookie if "secure" in parts else f"{cookie}; Secure")
