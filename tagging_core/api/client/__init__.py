"""HTTP client with the resources and methods of `Operations`."""

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
    """Client of a Tagloop service.

    Requests answered with 429 or 503 are retried. Pass an idempotency key to writes that you retry yourself.

    Args:
        url: Base URL of the API, such as `https://tagloop.example.com/api/v1`.
        key: API key; empty if the service accepts local programs without one.
        timeout: Seconds to wait for a response.
        transport: Replaces httpx's network transport, for tests.
    """

    def __init__(
        self, url: str, key: str = "", timeout: float = 60.0, *, transport: httpx.BaseTransport | None = None
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
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
