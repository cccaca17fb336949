"""Decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from tagging_core.api.routes.common import (
    FILES_MOST,
    Cursor,
    Deciding,
    Limit,
    OnceKey,
    Reading,
    ScopedRoute,
    once,
)
from tagging_core.errors import SourceError
from tagging_core.publishing import schemas

router = APIRouter(tags=["Decisions"], route_class=ScopedRoute)


@router.post("/decisions")
def decide(
    request: Request, operations: Deciding, decisions: list[schemas.NewDecision], key: OnceKey = None
) -> schemas.Written:
    """Record decisions as one group, all or none; the tag library learns from them immediately."""
    if not 1 <= len(decisions) <= FILES_MOST:
        raise SourceError(f"{len(decisions)} decisions; a request takes 1 to {FILES_MOST}.")
    parts: list[str | bytes] = [each.model_dump_json() for each in decisions]
    return once(request, key, parts, lambda: operations.decisions.create(decisions))  # type: ignore[return-value]


@router.get("/decisions")
def list_decisions(
    operations: Reading,
    asset: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> schemas.Page[schemas.Decision]:
    """List decisions in ledger order; poll with the last `next` for new ones."""
    return operations.decisions.list(asset, cursor, limit)


@router.post("/decisions/{what}/undo")
def undo(
    operations: Deciding,
    what: Annotated[str, Path(max_length=64, description="decision id, or `act` of a group")],
) -> schemas.Written:
    """Undo a decision or a decision group; the tag library unlearns it."""
    return operations.decisions.undo(what)
