"""Jobs."""

from __future__ import annotations

from fastapi import APIRouter

from tagging_core.api.routes.common import (
    AnyId,
    Cursor,
    Limit,
    Reading,
    ScopedRoute,
    Tagging,
)
from tagging_core.publishing import schemas

router = APIRouter(tags=["Pictures in"], route_class=ScopedRoute)


@router.get("/jobs")
def list_jobs(operations: Reading, cursor: Cursor = None, limit: Limit = 50) -> schemas.Page[schemas.Job]:
    """List jobs, newest first."""
    return operations.jobs.list(cursor, limit)


@router.get("/jobs/{job}")
def get_job(operations: Reading, job: AnyId) -> schemas.Job:
    """Get a job with its progress."""
    return operations.jobs.get(job)


@router.post("/jobs/{job}/stop")
def stop_job(operations: Tagging, job: AnyId) -> schemas.Job:
    """Stop a job after the pictures in progress; finished pictures are kept."""
    return operations.jobs.stop(job)


@router.post("/jobs/{job}/resume")
def resume_job(operations: Tagging, job: AnyId) -> schemas.Job:
    """Resume a stopped job."""
    return operations.jobs.resume(job)
