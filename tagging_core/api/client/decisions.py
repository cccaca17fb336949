"""Decisions, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.api.client.connection import Resource, plain
from tagging_core.publishing import schemas


class DecisionsClient(Resource):
    """Operations on decisions, over HTTP."""

    def create(self, decisions: Sequence[schemas.NewDecision], idempotency_key: str = "") -> schemas.Written:
        """See `DecisionsOperations.create`."""
        body = [each.model_dump() for each in decisions]
        return self._connection.send(
            "POST", "/decisions", schemas.Written, idempotency_key=idempotency_key, json=body
        )

    def undo(self, what: int | str) -> schemas.Written:
        """See `DecisionsOperations.undo`."""
        return self._connection.send("POST", f"/decisions/{what}/undo", schemas.Written)

    def list(
        self, asset: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> schemas.Page[schemas.Decision]:
        """See `DecisionsOperations.list`."""
        query = plain({"asset": asset, "cursor": cursor, "limit": limit})
        return self._connection.send("GET", "/decisions", schemas.Page[schemas.Decision], params=query)
