"""Search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Query, UploadFile

from tagging_core.api.routes.common import (
    Filters,
    Language,
    Limit,
    Reading,
    ScopedRoute,
)
from tagging_core.publishing import schemas

router = APIRouter(tags=["Search"], route_class=ScopedRoute)


Like = Annotated[list[schemas.Id], Query(max_length=20)]


@router.get("/search")
def search(
    operations: Reading,
    filters: Filters,
    text: Annotated[str, Query(max_length=500, examples=["red dress"])] = "",
    like: Like = [],  # noqa: B006
    unlike: Like = [],  # noqa: B006
    limit: Limit = 30,
    language: Language = "en",
) -> schemas.SearchResult:
    """Search by text, by similarity to some pictures and dissimilarity to others, and by filters."""
    return operations.search.find(text, like, unlike, picture=None, filters=filters, limit=limit, language=language)


@router.post("/search")
def search_by_picture(
    operations: Reading,
    filters: Filters,
    picture: Annotated[UploadFile, File(description="query image; it is not stored")],
    text: Annotated[str, Query(max_length=500)] = "",
    like: Like = [],  # noqa: B006
    unlike: Like = [],  # noqa: B006
    limit: Limit = 30,
    language: Language = "en",
) -> schemas.SearchResult:
    """Search by an uploaded picture, combined with the other criteria."""
    return operations.search.find(
        text, like, unlike, picture=picture.file.read(), filters=filters, limit=limit, language=language
    )
