"""Everything a program may ask for, in process; the REST service calls one of these for each request."""

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
    """What one program, or person, may ask of an installation, by resource.

    `Client` has the same resources with the same methods, over HTTP.

    Args:
        loop: The installation.
        user: As whom everything is done.
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
