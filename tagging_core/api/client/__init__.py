"""The client for programs: the same resources, methods and results as `Operations` has in process."""

from __future__ import annotations

import httpx

from tagging_core.api.client.assets import AssetsClient
from tagging_core.api.client.batches import BatchesClient
from tagging_core.api.client.connection import Connection, ServiceError
from tagging_core.api.client.decisions import DecisionsClient
from tagging_core.api.client.jobs import JobsClient
from tagging_core.api.client.pictures import PicturesClient
from tagging_core.api.client.search import SearchClient
from tagging_core.api.client.tags import TagsClient
from tagging_core.api.client.webhooks import WebhooksClient

__all__ = ["Client", "ServiceError"]


class Client:
    """Calls a Tagloop service.

    A request that the service asks to repeat is repeated. Writing requests are safe to repeat under an idempotency
    key.

    Args:
        url: Of the service, such as `https://tagloop.example.com/api/v1`.
        key: An API key; empty where the service serves this machine without one.
        timeout: Seconds to wait for an answer.
        transport: How requests are sent, if not over the network.
    """

    def __init__(
        self, url: str, key: str = "", timeout: float = 60.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        connection = Connection(self._http)
        self.pictures = PicturesClient(connection)
        self.batches = BatchesClient(connection)
        self.jobs = JobsClient(connection)
        self.assets = AssetsClient(connection)
        self.decisions = DecisionsClient(connection)
        self.tags = TagsClient(connection)
        self.search = SearchClient(connection)
        self.webhooks = WebhooksClient(connection)

    def __enter__(self) -> Client:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the connection go."""
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()
