"""Serves the review surface's JavaScript modules; their address changes with their content, for browser caches."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).parent / "review" / "surface"
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@cache
def _modules() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(_FOLDER.glob("*.js"))}


def address(name: str) -> str:
    """Return the address of a module, relative to the console's."""
    version = hashlib.sha256("".join(_modules().values()).encode()).hexdigest()[:16]
    return f"surface/{version}/{name}"


def _serve(request: Request) -> Response:
    found = _modules().get(request.path_params["name"])
    if found is None:
        return Response("There is no such script.", 404)
    return Response(found, media_type="text/javascript", headers=_HEADERS)


ROUTES = [Route("/surface/{version}/{name}", _serve)]
