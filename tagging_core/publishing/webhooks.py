"""Service for webhook subscriptions and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tagging_core.common.users import User
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import Delivery, EventType, Webhook
from tagging_core.publishing.outbound_policy import OutboundPolicy
from tagging_core.storage import Database


class WebhookService:
    """Registers webhooks and lists their deliveries.

    Args:
        database: The store of record.
        policy: Allow list of targets.
        wake: Wakes the background worker.
    """

    def __init__(self, database: Database, policy: OutboundPolicy, wake: Callable[[], None]) -> None:
        self._database, self._policy, self._wake = database, policy, wake

    def listed(self) -> list[Webhook]:
        """Return every webhook, newest first."""
        with self._database.read() as connection:
            return webhook_outbox.all_webhooks(connection)

    def counts(self) -> dict[int, dict[str, int]]:
        """Count each webhook's deliveries by state."""
        with self._database.read() as connection:
            return webhook_outbox.counts(connection)

    def add(self, user: User, url: str, kinds: Sequence[EventType]) -> Webhook:
        """Register a URL for some event types; the result includes the signing secret.

        Raises:
            NotAllowedError: The user is not an administrator.
            WebhookError: The URL is invalid, or not an allowed target.
        """
        self._policy.require_url(url)
        with self._database.write(durable=True) as connection:
            return webhook_outbox.add(connection, user, url, kinds=kinds)

    def set_active(self, user: User, webhook_id: int, active: bool) -> Webhook:
        """Pause or resume a webhook."""
        with self._database.write(durable=True) as connection:
            return webhook_outbox.set_active(connection, user, webhook_id, active=active)

    def deliveries(
        self, webhook_id: int | None = None, state: str = "", before: int = 0, *, limit: int = 50
    ) -> list[Delivery]:
        """Return deliveries, newest first.

        Args:
            webhook_id: Restrict to one webhook.
            state: `waiting`, `sent` or `dead`; empty for all.
            before: Only deliveries with a lower id, for paging; 0 for all.
            limit: Maximum number.
        """
        with self._database.read() as connection:
            return webhook_outbox.recent(connection, webhook_id, state, before=before, limit=limit)

    def replay(self, user: User, uid: str) -> Delivery:
        """Send a delivery again, with the same id and body."""
        with self._database.write(durable=True) as connection:
            found = webhook_outbox.replay(connection, user, uid)
        self._wake()
        return found
