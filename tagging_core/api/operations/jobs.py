"""Jobs, in process."""

from __future__ import annotations

from tagging_core.api.operations.paging import number, page
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User
from tagging_core.ingest import batches
from tagging_core.publishing import schemas, serializers


class JobsOperations:
    """Jobs as one user.

    Args:
        loop: The installation.
        user: As whom everything is done.
    """

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def get(self, job: int) -> schemas.Job:
        """How far the work on a batch has come."""
        with self._loop.database.read() as connection:
            batch_id = batches.batch_of_job(connection, job)
        return job_of(self._loop, batch_id)

    def list(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Job]:
        """All jobs, latest first."""
        with self._loop.database.read() as connection:
            found = batches.recent_jobs(connection, limit + 1, number(cursor or "0"))
        return page([job_of(self._loop, batch_id) for batch_id in found], limit, lambda job: job.id)

    def stop(self, job: int) -> schemas.Job:
        """Stop after the pictures in work; what is done stays done."""
        self._loop.ingest.stop(self._user, self.get(job).batch)
        return self.get(job)

    def resume(self, job: int) -> schemas.Job:
        """Let a stopped job go on."""
        self._loop.ingest.resume(self._user, self.get(job).batch)
        return self.get(job)


def job_of(loop: Tagloop, batch_id: int) -> schemas.Job:
    """The work on a batch, with the first files that were refused."""
    with loop.database.read() as connection:
        found = batches.get(connection, batch_id)
        refused = batches.refused(connection, batch_id) if found.refused else []
        return serializers.job(batches.job_of(connection, batch_id), found, refused)
