"""Who calls, what they may do, and how often."""

from __future__ import annotations

import ipaddress
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request

from tagging_core.api import keys
from tagging_core.api.errors import TooManyError
from tagging_core.api.keys import Scope
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User, local_user
from tagging_core.errors import KeyRefusedError, NotAllowedError

_BURST = 2  # seconds' worth of requests that may come at once
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that makes a request.

    Attributes:
        name: Told apart by it where requests are counted.
    """

    user: User
    name: str
    scopes: frozenset[Scope]


class RateLimiter:
    """A token bucket a caller.

    Args:
        rate: Requests a second for long.
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._most = rate, max(1.0, rate * _BURST)
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """Count a request.

        Raises:
            TooManyError: There were too many.
        """
        now = time.monotonic()
        with self._lock:
            left, then = self._left.get(name, (self._most, now))
            left = min(self._most, left + (now - then) * self._rate)
            if left >= 1:
                self._left[name] = (left - 1, now)
                return
            self._left[name] = (left, now)
        raise TooManyError(f"More than {self._rate:g} requests a second; wait a moment and go on.")


def identify(loop: Tagloop, request: Request) -> Caller:
    """Who makes a request.

    Raises:
        KeyRefusedError: No key, or one that opens nothing.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        key = keys.check(loop.database, token.strip())
        return Caller(key.user, f"key {key.id}", key.scopes)
    if loop.settings.api_local and _is_local(request):
        return Caller(local_user("program on this machine"), "local", frozenset(Scope))
    raise KeyRefusedError(
        "Send a key: `Authorization: Bearer tagloop_...`. An administrator makes keys on the Keys page or by "
        "`python -m tagging_core key create`."
    )


def require(caller: Caller, scope: Scope) -> None:
    """Refuse what a key was not made for.

    Raises:
        NotAllowedError: Names the scope that is missing.
    """
    if scope not in caller.scopes:
        have = ", ".join(sorted(caller.scopes))
        raise NotAllowedError(f"This takes a key with the scope {scope.value!r}; this one has {have}.")


def _is_local(request: Request) -> bool:
    """Whether a program on this machine calls: not a proxy's request, nor that of a web page in a local browser."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    return _is_loopback(request.client.host) and _is_loopback(
        urlsplit(f"//{request.headers.get('host', '')}").hostname
    )


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
