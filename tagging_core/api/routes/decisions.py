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
    once,
)
from tagging_core.errors import SourceError
from tagging_core.publishing import schemas

router = APIRouter(tags=["Decisions"])


@router.post("/decisions")
def decide(
    request: Request, operations: Deciding, decisions: list[schemas.NewDecision], key: OnceKey = None
) -> schemas.Written:
    """Write decisions as one act, all or none; the library is taught at once."""
    if not 1 <= len(decisions) <= FILES_MOST:
        raise SourceError(f"{len(decisions)} decisions; one request takes 1 to {FILES_MOST}.")
    parts: list[str | bytes] = [each.model_dump_json() for each in decisions]
    return once(request, key, parts, lambda: operations.decisions.create(decisions))  # type: ignore[return-value]


@router.get("/decisions")
def list_decisions(
    operations: Reading,
    asset: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> schemas.Page[schemas.Decision]:
    """What was decided, in the order of the ledger; keep `next` and ask later for what is new."""
    return operations.decisions.list(asset, cursor, limit)


@router.post("/decisions/{what}/undo")
def undo(
    operations: Deciding, what: Annotated[str, Path(max_length=64, description="a decision's number, or an act")]
) -> schemas.Written:
    """Take one decision back, or a whole act; also from what was learned."""
    return operations.decisions.undo(what)
