"""Routes that serve thumbnails, screen-size copies and originals to the browser, with long-lived caching.

URLs are signed with a secret of this process, for one browser and at most two hours, so only images that a page has
shown to this browser can be requested. Knowing a picture's hash, or having the file, does not reveal whether it is
stored here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from functools import cache
from html import escape

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from console.protection import READER
from tagging_core import TaggingError, load_settings
from tagging_core.assets import Asset, ImageFiles, Rendition
from tagging_core.assets.media_types import media_type
from tagging_core.storage import open_blobs

_HOUR = 3600
_SECRET = secrets.token_bytes(32)
_HEADERS = {
    "Cache-Control": "private, max-age=7200, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def thumbnail(asset: Asset) -> str:
    """Return the URL of a picture's thumbnail, relative to the console's."""
    return _url("thumbnail", asset.sha256, "JPEG")


def screen(asset: Asset) -> str:
    """Return the URL of a picture's screen-size copy."""
    return _url("screen", asset.sha256, "JPEG")


def original(asset: Asset) -> str:
    """Return the URL of a picture as it was uploaded."""
    return _url("original", asset.sha256, asset.format)


def load(rendition: Rendition, sha256: str) -> bytes:
    """Read a picture's file, creating the copy if it does not exist yet.

    Raises:
        FileNotFoundError: The original is missing.
        TaggingError: The blob store cannot be read.
    """
    files = _files()
    try:
        return files.read(rendition, sha256)
    except FileNotFoundError:  # copies of pictures tagged over REST are made later
        files.repair(sha256, load_settings().max_pixels)
        return files.read(rendition, sha256)


def alt_text(asset: Asset) -> str:
    """Return the alt text of a picture."""
    return " - ".join(part for part in (asset.text.title or asset.text.caption[:120], asset.name) if part)


def alt_html(asset: Asset) -> str:
    """Return the alt text of a picture, escaped for an HTML attribute."""
    return escape(alt_text(asset))


def _url(kind: str, sha256: str, extension: str) -> str:
    name = f"{sha256}.{extension}"
    until = (int(time.time()) // _HOUR + 2) * _HOUR  # the same for an hour, for caches
    key = _sign(f"{kind}/{name}", until, _reader())
    return f"pictures/{kind}/{name}?until={until}&key={key}"


def _reader() -> str:
    """The name of the browser that a page is drawn for; empty if it keeps no cookies."""
    return str(st.context.cookies.get(READER, ""))


def _sign(path: str, until: int, reader: str) -> str:
    return hmac.new(_SECRET, f"{path} {until} {reader}".encode(), hashlib.sha256).hexdigest()[:32]


def _is_valid(request: Request) -> bool:
    asked, path = request.query_params, "{kind}/{name}".format_map(request.path_params)
    if not re.fullmatch("[0-9]{1,12}", asked.get("until", "")):
        return False
    until = int(asked["until"])
    signature = _sign(path, until, request.cookies.get(READER, ""))
    return until > time.time() and hmac.compare_digest(asked.get("key", "").encode(), signature.encode())


@cache
def _files() -> ImageFiles:
    settings = load_settings()
    return ImageFiles(open_blobs(settings.assets_url, settings.data_dir))


def _serve(request: Request) -> Response:
    kind, (sha256, _, extension) = request.path_params["kind"], request.path_params["name"].partition(".")
    if not _is_valid(request):
        return Response("This URL was not signed by the running console for this browser, or it has expired.", 403)
    rendition = Rendition(kind)
    form = media_type(rendition, extension)
    try:
        path = _files().path(rendition, sha256)
        if path is not None and path.is_file():
            return FileResponse(path, media_type=form, headers=_HEADERS)
        return Response(load(rendition, sha256), media_type=form, headers=_HEADERS)
    except FileNotFoundError:
        return Response("This picture's file is missing; run `doctor` to find out what to do.", 404)
    except TaggingError as error:
        return Response(str(error), 503)


ROUTES = [Route("/pictures/{kind}/{name}", _serve)]
