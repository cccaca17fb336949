"""Webhooks, in process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tagging_core.api.operations.paging import number, page
from tagging_core.app.tagloop import Tagloop
from tagging_core.common.users import User
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.publishing import schemas, serializers


class WebhooksOperations:
    """Operations on webhooks and their deliveries, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def list(self) -> Sequence[schemas.Webhook]:
        """Return every webhook, newest first."""
        return [serializers.webhook(found) for found in self._loop.webhooks.listed()]

    def add(self, url: str, kinds: Sequence[EventType]) -> schemas.Webhook:
        """Register a URL for some event types; only this result contains the signing secret."""
        return serializers.webhook(self._loop.webhooks.add(self._user, url, kinds), secret=True)

    def set_active(self, webhook: int, active: bool) -> schemas.Webhook:
        """Pause or resume a webhook."""
        return serializers.webhook(self._loop.webhooks.set_active(self._user, webhook, active))

    def deliveries(
        self,
        webhook: int | None = None,
        state: Literal["waiting", "sent", "dead"] | None = None,
        cursor: str | None = None,
        *,
        limit: int = 50,
    ) -> schemas.Page[schemas.Delivery]:
        """Return a page of deliveries, newest first."""
        found = self._loop.webhooks.deliveries(webhook, state or "", number(cursor or "0"), limit=limit + 1)
        numbers = {each.uid: each.id for each in found}
        return page([serializers.delivery(each) for each in found], limit, lambda each: numbers[each.id])

    def replay(self, delivery: str) -> schemas.Delivery:
        """Send a delivery again, with the same id and body."""
        return serializers.delivery(self._loop.webhooks.replay(self._user, delivery))
