"""What the console adds to Streamlit's own routes: who may sign out, read figures, and open a picture's address."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagging_core.api.network import host_name, is_local

READER = "tagloop_reader"
"""Cookie that names a browser; the addresses of pictures belong to it."""


class ProtectionMiddleware:
    """Refuses to sign out for other sites' pages and figures to other machines, and gives each browser its name.

    Args:
        app: The console.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or answer 403."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, headers = scope["path"].rstrip("/"), Headers(scope=scope)
        signs_out = path.endswith("/auth/logout")
        if signs_out and not _is_own_page(headers):
            await PlainTextResponse("Sign out with the button in the console.", 403)(scope, receive, send)
        elif path.endswith("/_stcore/metrics") and not is_local((scope.get("client") or (None,))[0], headers):
            await PlainTextResponse("Only programs on this machine may read this.", 403)(scope, receive, send)
        else:
            await self._app(scope, receive, _named(send, headers, forget=signs_out))


def _is_own_page(headers: Headers) -> bool:
    """Whether one of our pages made a request; browsers say so, on plain http only by the referrer."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    _, _, referrer = headers.get("referer", "").partition("://")
    asked = host_name(headers.get("host"))
    return asked is not None and host_name(referrer.partition("/")[0]) == asked


def _named(send: Send, headers: Headers, *, forget: bool) -> Send:
    """Give a browser that opens a page its name, and take it away when somebody signs out."""
    known = bool(cookie_parser(headers.get("cookie", "")).get(READER))

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer = MutableHeaders(scope=message)
            page = answer.get("content-type", "").startswith("text/html") and message["status"] == 200
            if forget or (page and not known):
                answer.append("set-cookie", _cookie("" if forget else secrets.token_urlsafe(16)))
        await send(message)

    return named


def _cookie(value: str) -> str:
    ends = "" if value else "; Max-Age=0"
    return f"{READER}={value}; Path=/; HttpOnly; SameSite=Lax{ends}"
