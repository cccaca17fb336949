"""Batches, in process."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.api.operations.jobs import job_of
from tagging_core.api.operations.paging import number, page
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User
from tagging_core.ingest import batches
from tagging_core.publishing import schemas, serializers


class BatchesOperations:
    """Operations on batches, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def create(self, files: Sequence[tuple[str, bytes]], profile: str = "general", name: str = "") -> schemas.Job:
        """Queue pictures and zips for ingestion; `photo.txt` is the text of `photo.jpg`."""
        return job_of(self._loop, self._loop.ingest.upload(self._user, files, profile, name=name))

    def get(self, batch: int) -> schemas.Batch:
        """Return a batch."""
        return serializers.batch(self._loop.ingest.batch(batch))

    def list(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Batch]:
        """Return a page of batches, newest first."""
        with self._loop.database.read() as connection:
            found = batches.recent(connection, limit + 1, number(cursor or "0"))
        return page([serializers.batch(each) for each in found], limit, lambda batch: batch.id)
