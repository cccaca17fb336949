"""Webhooks, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tagging_core.api.client.connection import Resource, plain
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.publishing import schemas


class WebhooksClient(Resource):
    """Operations on webhooks and their deliveries, over HTTP."""

    def list(self) -> Sequence[schemas.Webhook]:
        """See `WebhooksOperations.list`."""
        return self._connection.send("GET", "/webhooks", list[schemas.Webhook])

    def add(self, url: str, kinds: Sequence[EventType], idempotency_key: str = "") -> schemas.Webhook:
        """See `WebhooksOperations.add`."""
        body = {"url": url, "kinds": list(kinds)}
        return self._connection.send(
            "POST", "/webhooks", schemas.Webhook, idempotency_key=idempotency_key, json=body
        )

    def set_active(self, webhook: int, active: bool) -> schemas.Webhook:
        """See `WebhooksOperations.set_active`."""
        return self._connection.send(
            "PATCH", f"/webhooks/{webhook}", schemas.Webhook, params=plain({"active": active})
        )

    def deliveries(
        self,
        webhook: int | None = None,
        state: Literal["waiting", "sent", "dead"] | None = None,
        cursor: str | None = None,
        *,
        limit: int = 50,
    ) -> schemas.Page[schemas.Delivery]:
        """See `WebhooksOperations.deliveries`."""
        query = plain({"webhook": webhook, "state": state, "cursor": cursor, "limit": limit})
        return self._connection.send("GET", "/deliveries", schemas.Page[schemas.Delivery], params=query)

    def replay(self, delivery: str) -> schemas.Delivery:
        """See `WebhooksOperations.replay`."""
        return self._connection.send("POST", f"/deliveries/{delivery}/replay", schemas.Delivery)
