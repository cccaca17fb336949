"""Jobs, in process."""

from __future__ import annotations

from tagging_core.api.operations.paging import number, page
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User
from tagging_core.ingest import batches
from tagging_core.publishing import schemas, serializers


class JobsOperations:
    """Operations on jobs, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def get(self, job: int) -> schemas.Job:
        """Return a job with its progress."""
        with self._loop.database.read() as connection:
            batch_id = batches.batch_of_job(connection, job)
        return job_of(self._loop, batch_id)

    def list(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Job]:
        """Return a page of jobs, newest first."""
        with self._loop.database.read() as connection:
            found = batches.recent_jobs(connection, limit + 1, number(cursor or "0"))
        return page([job_of(self._loop, batch_id) for batch_id in found], limit, lambda job: job.id)

    def stop(self, job: int) -> schemas.Job:
        """Stop a job after the pictures in progress; finished pictures are kept."""
        self._loop.ingest.stop(self._user, self.get(job).batch)
        return self.get(job)

    def resume(self, job: int) -> schemas.Job:
        """Resume a stopped job."""
        self._loop.ingest.resume(self._user, self.get(job).batch)
        return self.get(job)


def job_of(loop: Tagloop, batch_id: int) -> schemas.Job:
    """Return the job of a batch, with its first refused files."""
    with loop.database.read() as connection:
        found = batches.get(connection, batch_id)
        refused = batches.refused(connection, batch_id) if found.refused else []
        return serializers.job(batches.job_of(connection, batch_id), found, refused)
