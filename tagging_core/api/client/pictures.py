"""Tagging single pictures, over HTTP."""

from __future__ import annotations

from tagging_core.api.client.connection import Resource, plain
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.publishing import schemas


class PicturesClient(Resource):
    """Operations on single pictures, over HTTP."""

    def tag(
        self,
        picture: bytes,
        name: str = "",
        profile: str = "general",
        *,
        text: schemas.Text | None = None,
        instruction: str = "",
        top_k: int = MAX_SUGGESTIONS,
        target: float | None = None,
        language: schemas.Language = "en",
        keep: bool = True,
        vector: bool = False,
        idempotency_key: str = "",
    ) -> schemas.Tagged:
        """See `PicturesOperations.tag`."""
        sent_text = text.model_dump() if text else {}
        form = sent_text | {"profile": profile, "instruction": instruction, "top_k": top_k, "language": language}
        form |= {"keep": keep, "vector": vector} | ({"target": target} if target is not None else {})
        files = [("picture", (name or "unnamed", picture))]
        return self._connection.send(
            "POST", "/pictures", schemas.Tagged, idempotency_key=idempotency_key, data=plain(form), files=files
        )
