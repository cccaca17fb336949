"""Jobs, over HTTP."""

from __future__ import annotations

import time

from tagging_core.api.client.connection import Resource, plain
from tagging_core.publishing import schemas


class JobsClient(Resource):
    """Operations on jobs, over HTTP."""

    def get(self, job: int) -> schemas.Job:
        """See `JobsOperations.get`."""
        return self._connection.send("GET", f"/jobs/{job}", schemas.Job)

    def wait_for(self, job: int, seconds: float = 3_600.0, every: float = 0.5) -> schemas.Job:
        """Poll a job until it is done or stopped.

        Raises:
            TimeoutError: The job still runs after `seconds`.
        """
        end = time.monotonic() + seconds
        while (found := self.get(job)).state == "running":
            if time.monotonic() > end:
                raise TimeoutError(f"Job {job} is still running: {found.finished} of {found.total} pictures.")
            time.sleep(every)
        return found

    def list(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Job]:
        """See `JobsOperations.list`."""
        return self._connection.send(
            "GET", "/jobs", schemas.Page[schemas.Job], params=plain({"cursor": cursor, "limit": limit})
        )

    def stop(self, job: int) -> schemas.Job:
        """See `JobsOperations.stop`."""
        return self._connection.send("POST", f"/jobs/{job}/stop", schemas.Job)

    def resume(self, job: int) -> schemas.Job:
        """See `JobsOperations.resume`."""
        return self._connection.send("POST", f"/jobs/{job}/resume", schemas.Job)
