"""Jobs."""

from __future__ import annotations

from fastapi import APIRouter

from tagging_core.api.routes.common import (
    AnyId,
    Cursor,
    Limit,
    Reading,
    Tagging,
)
from tagging_core.publishing import schemas

router = APIRouter(tags=["Pictures in"])


@router.get("/jobs")
def list_jobs(operations: Reading, cursor: Cursor = None, limit: Limit = 50) -> schemas.Page[schemas.Job]:
    """All jobs, latest first."""
    return operations.jobs.list(cursor, limit)


@router.get("/jobs/{job}")
def get_job(operations: Reading, job: AnyId) -> schemas.Job:
    """How far the work on a batch has come."""
    return operations.jobs.get(job)


@router.post("/jobs/{job}/stop")
def stop_job(operations: Tagging, job: AnyId) -> schemas.Job:
    """Stop after the pictures in work; what is done stays done."""
    return operations.jobs.stop(job)


@router.post("/jobs/{job}/resume")
def resume_job(operations: Tagging, job: AnyId) -> schemas.Job:
    """Let a stopped job go on."""
    return operations.jobs.resume(job)
