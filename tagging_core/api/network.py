"""Where a request comes from and which host it asks for: host names, proxies, and what counts as this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tagging_core.api.response_headers import ResponseHeadersMiddleware
from tagging_core.settings import Settings

_FORWARDING = {
    *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-host"),
    *("client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-envoy-external-address"),
}
_REFUSAL = (
    "Tagloop does not answer to this host name. Expected localhost, 127.0.0.1, or a name that an administrator "
    "lists in TAGLOOP_HOSTS."
)


def middleware(settings: Settings, *, https: bool = False) -> list[Middleware]:
    """Return what every request passes first, on every route of console and REST service.

    Args:
        settings: Name hosts and proxies.
        https: Whether people reach the service by https even where a request does not say so.
    """
    return [
        Middleware(ClientMiddleware, proxies=settings.proxy_networks),
        Middleware(ResponseHeadersMiddleware, https=https),
        Middleware(HostMiddleware, names=settings.host_names),
    ]


def is_local(address: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a request was made on this machine, rather than through a proxy or from another site's page.

    Args:
        address: The other end of the connection.
        headers: The request's headers, by lower-case name.
    """
    if not is_loopback(address) or any(_is_forwarding(name.lower()) for name in headers):
        return False
    origin = headers.get("origin")
    return is_loopback(host_name(headers.get("host"))) and (origin is None or is_loopback(_host_of_origin(origin)))


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means this machine."""
    found = _parsed(host or "")
    return host == "localhost" or (found is not None and found.is_loopback)


def host_name(header: str | None) -> str | None:
    """Return the lower-case name in a `Host` header, without port; None if it is not just a host and a port."""
    try:
        parts = urlsplit(f"//{header or ''}")
        _ = parts.port  # raises if it is not a number
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc or not parts.hostname:
        return None
    return parts.hostname.removesuffix(".")


class HostMiddleware:
    """Refuses hosts that are not ours where a request arrives on this machine's own address.

    To the browser, a foreign page whose name is made to resolve to 127.0.0.1 (DNS rebinding) has the console's
    origin; only `Host` tells them apart. On other addresses nobody is let in without sign-in or a key.

    Args:
        app: The protected application.
        names: Host names that people and programs use, besides this machine's own.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] = frozenset()) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or answer 403; a WebSocket is closed before it opens."""
        if scope["type"] == "lifespan" or self._allows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(_REFUSAL, 403)(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        arrived = (scope.get("server") or (None,))[0]
        if arrived is not None and not is_loopback(arrived):
            return True
        asked = [host_name(value) for value in Headers(scope=scope).getlist("host")]
        return len(asked) == 1 and asked[0] is not None and (is_loopback(asked[0]) or asked[0] in self._names)


class ClientMiddleware:
    """Sets the client's address: what a proxy says if it is one of ours, otherwise the other end of the connection.

    Args:
        app: The protected application.
        proxies: Addresses of our proxies, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    """

    def __init__(self, app: ASGIApp, proxies: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()) -> None:
        self._app, self._proxies = app, tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request with `client` and `scheme` as they are."""
        if scope["type"] != "lifespan" and scope.get("client"):
            headers = Headers(scope=scope)
            client, scheme = self._client(scope["client"], headers), self._scheme(scope, headers)
            scope = {**scope, "client": client, "scheme": scheme}
        await self._app(scope, receive, send)

    def _client(self, seen: tuple[str, int], headers: Headers) -> tuple[str, int] | None:
        hops = [_address(hop) for value in headers.getlist("x-forwarded-for") for hop in value.split(",")]
        if _address(seen[0]) in hops and not self._is_ours("127.0.0.1"):
            return None  # uvicorn took it from the header, as it does for every connection from this machine
        address = seen[0]
        for hop in reversed(hops):
            if not self._is_ours(address):
                break
            address = hop
        if address == seen[0]:
            return seen
        return (address, 0) if address else None

    def _scheme(self, scope: Scope, headers: Headers) -> str:
        said = headers.get("x-forwarded-proto", "").strip().lower()
        if said in ("http", "https") and self._is_ours(scope["client"][0]):
            return said.replace("http", "ws") if scope["type"] == "websocket" else said
        return str(scope["scheme"])

    def _is_ours(self, address: str) -> bool:
        found = _parsed(address)
        return found is not None and any(found in network for network in self._proxies)


def _is_forwarding(name: str) -> bool:
    return name in _FORWARDING or name.startswith(("x-forwarded", "x-original-forwarded"))


def _host_of_origin(origin: str) -> str | None:
    """The host of an `Origin` header; None for `null`."""
    return host_name(origin.partition("://")[2])


def _address(hop: str) -> str:
    """An IP address without port and brackets; empty if it is none."""
    text = hop.strip()
    found = _parsed(text) or _parsed(host_name(text) or "")
    return str(found or "")


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found  # a socket for both families shows IPv4 as ::ffff:127.0.0.1
