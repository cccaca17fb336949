"""Batches."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile

from tagging_core.api.routes.common import (
    FILES_MOST,
    AnyId,
    Cursor,
    Limit,
    OnceKey,
    ProfileName,
    Reading,
    Tagging,
    once,
)
from tagging_core.api.uploads import UploadRoute, only_files
from tagging_core.publishing import schemas

router = APIRouter(tags=["Pictures in"], route_class=UploadRoute)


@router.post(
    "/batches",
    status_code=202,
    response_model=schemas.Job,
    dependencies=[Depends(only_files("files", most=FILES_MOST))],
)
def tag_pictures(
    request: Request,
    operations: Tagging,
    files: Annotated[list[UploadFile], File(description="images and zips; photo.txt is the text of photo.jpg")],
    profile: ProfileName = "general",
    name: Annotated[str, Form(max_length=200)] = "",
    key: OnceKey = None,
) -> Response:
    """Queue many pictures; poll the job for progress, or subscribe to the `batch.done` webhook."""
    data = [(file.filename or "unnamed", file.file.read()) for file in files]
    parts = [part for file in data for part in file]
    return once(request, key, [profile, name, *parts], lambda: operations.batches.create(data, profile, name), 202)


@router.get("/batches")
def list_batches(operations: Reading, cursor: Cursor = None, limit: Limit = 50) -> schemas.Page[schemas.Batch]:
    """List batches, newest first."""
    return operations.batches.list(cursor, limit)


@router.get("/batches/{batch}")
def get_batch(operations: Reading, batch: AnyId) -> schemas.Batch:
    """Get a batch."""
    return operations.batches.get(batch)
