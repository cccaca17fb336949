"""Pictures by address: thumbnails, screen-size copies and originals, for the browser to load and to keep.

An address carries a signature of this process, so only what a page showed can be asked for: to know a picture's
hash, or to have the picture, does not tell whether it is here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache
from html import escape

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from tagging_core import TaggingError, load_settings
from tagging_core.assets.files import ImageFiles, Rendition
from tagging_core.assets.repository import Asset
from tagging_core.storage.blobs import open_blobs

_SECRET = secrets.token_bytes(32)
_SAFE = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
}


def thumbnail(asset: Asset) -> str:
    """The address of a picture's thumbnail, relative to the console's own."""
    return _address("thumbnail", asset.sha256, "JPEG")


def screen(asset: Asset) -> str:
    """The address of a picture at the size of a screen."""
    return _address("screen", asset.sha256, "JPEG")


def original(asset: Asset) -> str:
    """The address of a picture as it was uploaded."""
    return _address("original", asset.sha256, asset.format)


def load(rendition: Rendition, sha256: str) -> bytes:
    """A picture's file itself.

    Raises:
        FileNotFoundError: It is not there.
        TaggingError: It cannot be read now.
    """
    archive = _archive()
    try:
        return archive.read(rendition, sha256)
    except FileNotFoundError:  # of pictures that programs sent, copies follow when nobody waits
        archive.repair(sha256, load_settings().max_pixels)
        return archive.read(rendition, sha256)


def description(asset: Asset) -> str:
    """What a screen reader says in a picture's place."""
    return " - ".join(part for part in (asset.text.title or asset.text.caption[:120], asset.name) if part)


def alternative(asset: Asset) -> str:
    """The same, safe to put into HTML."""
    return escape(description(asset))


def _address(kind: str, sha256: str, form: str) -> str:
    return f"pictures/{kind}/{sha256}.{form}?key={_sign(kind, sha256, form)}"


def _sign(kind: str, sha256: str, form: str) -> str:
    return hmac.new(_SECRET, f"{kind}/{sha256}.{form}".encode(), hashlib.sha256).hexdigest()[:32]


@cache
def _archive() -> ImageFiles:
    settings = load_settings()
    return ImageFiles(open_blobs(settings.assets_url, settings.data_dir))


def _serve(request: Request) -> Response:
    kind, (sha256, _, form) = request.path_params["kind"], request.path_params["name"].partition(".")
    if not hmac.compare_digest(request.query_params.get("key", ""), _sign(kind, sha256, form)):
        return Response("This address was not given out by the console that runs now.", 403)
    rendition, media_type = Rendition(kind), _TYPES.get(form, "application/octet-stream")
    try:
        path = _archive().path(rendition, sha256)
        if path is not None and path.is_file():
            return FileResponse(path, media_type=media_type, headers=_SAFE)
        return Response(load(rendition, sha256), media_type=media_type, headers=_SAFE)
    except FileNotFoundError:
        return Response("This picture's file is missing; `doctor` tells what to do.", 404)
    except TaggingError as error:
        return Response(str(error), 503)


ROUTES = [Route("/pictures/{kind}/{name}", _serve)]
