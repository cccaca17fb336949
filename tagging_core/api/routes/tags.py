"""Tags and profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query

from tagging_core.api.routes.common import (
    Cursor,
    Language,
    Limit,
    Reading,
    ScopedRoute,
)
from tagging_core.publishing import schemas

router = APIRouter(tags=["Tag library"], route_class=ScopedRoute)


@router.get("/tags")
def list_tags(
    operations: Reading,
    query: Annotated[str, Query(max_length=200, description="part of a name or alias, in any language")] = "",
    category: Annotated[str, Query(max_length=250)] = "",
    cursor: Cursor = None,
    limit: Limit = 200,
    language: Language = "en",
) -> schemas.Page[schemas.Tag]:
    """List tags, merged ones included; with a query the matching ones, best first."""
    return operations.tags.list(query, category, cursor, limit=limit, language=language)


@router.get("/tags/{tag}")
def get_tag(
    operations: Reading, tag: Annotated[str, Path(max_length=250)], language: Language = "en"
) -> schemas.Tag:
    """Get a tag; the id of a merged tag redirects to its target."""
    return operations.tags.get(tag, language)


@router.get("/profiles")
def list_profiles(operations: Reading, language: Language = "en") -> Sequence[schemas.Profile]:
    """List all profiles (business types)."""
    return operations.tags.profiles(language)
