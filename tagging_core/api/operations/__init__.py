"""The operations behind the REST routes, callable in process."""

from __future__ import annotations

from tagging_core.api.operations.assets import AssetsOperations
from tagging_core.api.operations.batches import BatchesOperations
from tagging_core.api.operations.decisions import DecisionsOperations
from tagging_core.api.operations.jobs import JobsOperations
from tagging_core.api.operations.pictures import PicturesOperations
from tagging_core.api.operations.search import SearchOperations
from tagging_core.api.operations.tags import TagsOperations
from tagging_core.api.operations.webhooks import WebhooksOperations
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User

__all__ = ["Operations"]


class Operations:
    """Operations on one installation, grouped by resource; `Client` offers the same over HTTP.

    Args:
        loop: The installation.
        user: The user on whose behalf they run.
    """

    def __init__(self, loop: Tagloop, user: User) -> None:
        self.pictures = PicturesOperations(loop, user)
        self.batches = BatchesOperations(loop, user)
        self.jobs = JobsOperations(loop, user)
        self.assets = AssetsOperations(loop, user)
        self.decisions = DecisionsOperations(loop, user)
        self.tags = TagsOperations(loop, user)
        self.search = SearchOperations(loop, user)
        self.webhooks = WebhooksOperations(loop, user)
