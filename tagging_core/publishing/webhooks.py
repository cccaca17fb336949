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
        """Return every webhook.

        Returns:
            Newest first, paused ones and signing secrets included.
        """
        with self._database.read() as connection:
            return webhook_outbox.all_webhooks(connection)

    def counts(self) -> dict[int, dict[str, int]]:
        """Count each webhook's deliveries by state.

        Returns:
            By webhook id and state (`waiting`, `sent` or `dead`); webhooks without deliveries and zeros are absent.
        """
        with self._database.read() as connection:
            return webhook_outbox.counts(connection)

    def add(self, user: User, url: str, kinds: Sequence[EventType]) -> Webhook:
        """Register a URL for some event types.

        Args:
            user: Needs the right to upload.
            url: An http or https URL with an allowed host, at most 2,000 characters, without user name or password.
            kinds: At least one event type; repeated ones count once.

        Returns:
            The webhook, active, with its signing secret.

        Raises:
            NotAllowedError: The user may not upload.
            WebhookError: The URL is invalid or not an allowed target, or there is no event type.
        """
        self._policy.require_url(url)
        with self._database.write(durable=True) as connection:
            return webhook_outbox.add(connection, user, url, kinds=kinds)

    def set_active(self, user: User, webhook_id: int, active: bool) -> Webhook:
        """Pause or resume a webhook; while it is paused, waiting deliveries are kept and no new ones are queued.

        Args:
            user: Needs the right to upload.
            webhook_id: The webhook.
            active: True to resume, False to pause; no change if it already is.

        Returns:
            The webhook with its new state.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: There is no such webhook.
        """
        with self._database.write(durable=True) as connection:
            return webhook_outbox.set_active(connection, user, webhook_id, active=active)

    def deliveries(
        self, webhook_id: int | None = None, state: str = "", before: int = 0, *, limit: int = 50
    ) -> list[Delivery]:
        """Return the latest deliveries.

        Args:
            webhook_id: Restrict to one webhook; None for all.
            state: `waiting`, `sent` or `dead`; empty for all.
            before: Only deliveries with a lower id, for paging; 0 for all.
            limit: Maximum number.

        Returns:
            Newest first.
        """
        with self._database.read() as connection:
            return webhook_outbox.recent(connection, webhook_id, state, before=before, limit=limit)

    def replay(self, user: User, uid: str) -> Delivery:
        """Send a delivery again, whatever its state, and wake the worker.

        Args:
            user: Needs the right to upload.
            uid: The delivery's idempotency key.

        Returns:
            The delivery, waiting, with the same uid and body and no attempts counted.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: There is no such delivery.
        """
        with self._database.write(durable=True) as connection:
            found = webhook_outbox.replay(connection, user, uid)
        self._wake()
        return found
