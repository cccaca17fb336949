"""Authentication, scopes and rate limits of API callers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from fastapi import Request

from tagging_core.api import keys, network
from tagging_core.api.errors import TooManyError
from tagging_core.api.keys import Scope
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User, local_user
from tagging_core.errors import KeyRefusedError, NotAllowedError

_BURST = 2  # bucket size in seconds of the sustained rate


@dataclass(frozen=True, slots=True)
class Caller:
    """The program behind a request.

    Attributes:
        name: Rate-limit key.
    """

    user: User
    name: str
    scopes: frozenset[Scope]


class RateLimiter:
    """One token bucket per caller.

    Args:
        rate: Sustained requests per second.
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._most = rate, max(1.0, rate * _BURST)
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """Take a token from a caller's bucket.

        Raises:
            TooManyError: The bucket is empty.
        """
        now = time.monotonic()
        with self._lock:
            left, then = self._left.get(name, (self._most, now))
            left = min(self._most, left + (now - then) * self._rate)
            if left >= 1:
                self._left[name] = (left - 1, now)
                return
            self._left[name] = (left, now)
        raise TooManyError(f"More than {self._rate:g} requests per second; wait a moment and try again.")


def identify(loop: Tagloop, request: Request) -> Caller:
    """Authenticate a request by its API key, or as a local program where that is allowed.

    Raises:
        KeyRefusedError: The key is missing, unknown or revoked.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        key = keys.check(loop.database, token.strip())
        return Caller(key.user, f"key {key.id}", key.scopes)
    if loop.settings.api_local and _is_local(request):
        return Caller(local_user("program on this machine"), "local", frozenset(Scope))
    raise KeyRefusedError(
        "Send an API key: `Authorization: Bearer tagloop_...`. An administrator creates keys on the console's page "
        "Integrations, or with `python -m tagging_core key create NAME`."
    )


def require(caller: Caller, scope: Scope) -> None:
    """Check that a caller has a scope.

    Raises:
        NotAllowedError: The caller's key lacks it.
    """
    if scope not in caller.scopes:
        granted = ", ".join(sorted(caller.scopes))
        raise NotAllowedError(f"This needs an API key with the scope {scope.value!r}; yours has {granted}.")


def _is_local(request: Request) -> bool:
    """Whether the request comes from a local program, rather than through a proxy or from a web page."""
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    return network.is_local(request.client.host if request.client else None, request.headers)
