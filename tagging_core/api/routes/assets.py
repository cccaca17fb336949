"""Assets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from tagging_core.api import picture_response
from tagging_core.api.routes.common import (
    AssetId,
    Cursor,
    Deciding,
    Filters,
    Language,
    Limit,
    Reading,
    ScopedRoute,
)
from tagging_core.assets import files
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.publishing import schemas
from tagging_core.publishing.exports.exporter import ENDINGS, Format
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.publishing.schemas import Rendition

router = APIRouter(tags=["Pictures out"], route_class=ScopedRoute)


@router.get("/assets")
def list_assets(
    operations: Reading, filters: Filters, cursor: Cursor = None, limit: Limit = 50, language: Language = "en"
) -> schemas.Page[schemas.Asset]:
    """List pictures, newest first."""
    return operations.assets.list(filters, cursor, limit, language=language)


@router.get("/assets/{asset}")
def get_asset(
    operations: Reading,
    asset: Annotated[
        str, Path(max_length=64, description="id, or at least the first 8 digits of the SHA-256", examples=["1"])
    ],
    language: Language = "en",
) -> schemas.Asset:
    """Get a picture with its tags and description."""
    return operations.assets.get(asset, language)


@router.get(
    "/assets/{asset}/picture",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}}, 304: {"description": "The picture has the ETag that was sent"}},
)
def get_picture(request: Request, operations: Reading, asset: AssetId, rendition: Rendition = "screen") -> Response:
    """Download a picture: the original, or a JPEG of at most 1,400 (`screen`) or 320 pixels per side."""
    found = operations.assets.get(asset)
    read = partial(operations.assets.picture, asset, rendition)
    return picture_response.respond(request, found, files.Rendition(rendition), read=read)


@router.get("/assets/{asset}/suggestions")
def list_suggestions(
    operations: Reading,
    asset: AssetId,
    profile: Annotated[str, Query(max_length=250)] = "general",
    top_k: Annotated[int, Query(ge=1, le=MAX_SUGGESTIONS)] = MAX_SUGGESTIONS,
    language: Language = "en",
) -> schemas.Suggested:
    """Suggest tags for a picture at the current library revision; decided tags are excluded."""
    return operations.assets.suggestions(asset, profile, top_k, language=language)


@router.get("/assets/{asset}/recommendations")
def recommend(
    operations: Reading, asset: AssetId, filters: Filters, limit: Limit = 8, language: Language = "en"
) -> Sequence[schemas.Hit]:
    """Recommend pictures similar to one, diverse and without near-duplicates."""
    return operations.assets.recommend(asset, filters, limit, language=language)


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {"*/*": {}}}})
def export(
    operations: Reading,
    filters: Filters,
    form: Annotated[Format, Query(alias="format")] = Format.CSV,
    columns: Annotated[list[str], Query(max_length=50, description="for CSV")] = list(USUAL),  # noqa: B006
    language: Language = "en",
    image: Annotated[str, Query(max_length=500, description="image URL for Label Studio")] = "{name}",
) -> StreamingResponse:
    """Export all pictures that match the filters; `image` may contain `{id}`, `{sha256}` and `{name}`."""
    ending, kind = ENDINGS[form]
    safe = {"X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="tagloop.{ending}"'}
    parts = operations.assets.export(form, filters, columns, language=language, image=image)
    return StreamingResponse(parts, media_type=kind, headers=safe)


@router.put("/assets/{asset}/text")
def set_text(operations: Deciding, asset: AssetId, text: schemas.Text) -> schemas.Asset:
    """Replace the text of a picture; later suggestions take it into account."""
    return operations.assets.set_text(asset, text)


@router.put("/assets/{asset}/description")
def describe(operations: Deciding, asset: AssetId, description: schemas.Description) -> schemas.Description:
    """Write a title, caption or alt text; empty parts are generated from the tags."""
    return operations.assets.describe(asset, description)


@router.post("/assets/{asset}/description/draft")
def draft_description(operations: Deciding, asset: AssetId, language: Language = "en") -> schemas.Description:
    """Draft a description with the generative model set by `TAGLOOP_WRITER`; takes seconds and stores nothing."""
    return operations.assets.draft_description(asset, language)
