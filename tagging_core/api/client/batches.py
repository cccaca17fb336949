"""Batches, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.api.client.connection import Resource, plain
from tagging_core.publishing import schemas


class BatchesClient(Resource):
    """Operations on batches, over HTTP."""

    def create(
        self,
        files: Sequence[tuple[str, bytes]],
        profile: str = "general",
        name: str = "",
        *,
        idempotency_key: str = "",
    ) -> schemas.Job:
        """See `BatchesOperations.create`."""
        form = {"profile": profile, "name": name}
        sent = [("files", (file or "unnamed", data)) for file, data in files]
        return self._connection.send(
            "POST", "/batches", schemas.Job, idempotency_key=idempotency_key, data=form, files=sent
        )

    def get(self, batch: int) -> schemas.Batch:
        """See `BatchesOperations.get`."""
        return self._connection.send("GET", f"/batches/{batch}", schemas.Batch)

    def list(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Batch]:
        """See `BatchesOperations.list`."""
        query = plain({"cursor": cursor, "limit": limit})
        return self._connection.send("GET", "/batches", schemas.Page[schemas.Batch], params=query)
