"""HTTP responses with image files: validators, caching and file names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi import Request, Response

from tagging_core.assets.files import Rendition
from tagging_core.assets.media_types import media_type
from tagging_core.publishing import schemas
from tagging_core.publishing.exports.file_names import portable

# Private, as keys may differ in what they grant; an hour, as a restored backup gives ids to other pictures.
_CACHE = "private, max-age=3600"


def respond(request: Request, asset: schemas.Asset, rendition: Rendition, *, read: Callable[[], bytes]) -> Response:
    """Return an image file, or 304 if the client has it.

    Args:
        request: May have `If-None-Match`.
        asset: The asset.
        rendition: Which of its files.
        read: Reads the file; not called for a 304.
    """
    tag = _etag(asset.sha256, rendition)
    headers = {"ETag": tag, "Cache-Control": _CACHE}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    headers |= {
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": attachment(_name(asset.name, rendition)),
    }
    return Response(read(), media_type=media_type(rendition, asset.format), headers=headers)


def attachment(name: str) -> str:
    """Return a `Content-Disposition` with a file name of any characters (RFC 6266)."""
    name = portable(name)
    plain = "".join(c if c.isascii() and c not in '%"\\' else "_" for c in name)
    extended = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""
    return f'attachment; filename="{plain}"{extended}'


def _name(name: str, rendition: Rendition) -> str:
    if rendition == Rendition.ORIGINAL:
        return name
    return f"{PurePosixPath(name).stem}.jpg"


def _etag(sha256: str, rendition: Rendition) -> str:
    """Files are written once, so that the original's hash identifies its renditions, too."""
    return f'"{sha256}"' if rendition == Rendition.ORIGINAL else f'"{sha256}-{rendition}"'


def _matches(header: str, tag: str) -> bool:
    given = [each.strip().removeprefix("W/") for each in header.split(",")]
    return tag in given or given == ["*"]
