"""Sending what webhooks are to be told, signed, again with growing pauses, until it arrives or is given up.

Headers and signature are those of the Standard Webhooks specification, which many languages have libraries for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection

from tagging_core.errors import WebhookError
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import Delivery, EventType, Webhook
from tagging_core.publishing.outbound_policy import OutboundPolicy, outbound_client
from tagging_core.storage import Database

ATTEMPTS = 10
"""Until a delivery is given up, somewhat more than a day after the first."""

_PAUSES = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
_SECONDS = 10.0  # for the whole of one attempt
_READ = 65_536  # bytes of an answer that are read at most, and thrown away
_KEPT = timedelta(days=30)

PayloadBuilder = Callable[[Connection, EventType, dict[str, Any]], dict[str, Any]]
"""What a receiver is told about a subject, as it is now."""


def sign(secret: str, uid: str, timestamp: int, body: str) -> str:
    """The signature of a delivery: `v1,` and the base64 of HMAC-SHA256 over `uid.timestamp.body`.

    The key is what follows `whsec_`, decoded from URL-safe base64.
    """
    key = base64.urlsafe_b64decode(secret.removeprefix("whsec_") + "==")
    digest = hmac.new(key, f"{uid}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class WebhookSender:
    """Sends what is due.

    Args:
        database: Where deliveries wait.
        targets: Where they may go.
        tell: Gives what is told.
    """

    def __init__(self, database: Database, targets: OutboundPolicy, tell: PayloadBuilder) -> None:
        self._database, self._tell = database, tell
        self._client = outbound_client(targets, _SECONDS)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="webhooks")
        self._swept = 0.0

    def work(self) -> bool:
        """Try what is due once; whether anything was."""
        with self._database.read() as connection:
            waiting = webhook_outbox.due(connection)
            hooks = {w.id: w for w in webhook_outbox.all_webhooks(connection)} if waiting else {}
        groups = [
            [d for d in waiting if d.webhook_id == hook] for hook in dict.fromkeys(d.webhook_id for d in waiting)
        ]
        # A target that hangs keeps the others waiting no longer than one attempt.
        list(self._pool.map(lambda group: self._attempt_all(group, hooks[group[0].webhook_id]), groups))
        if time.monotonic() - self._swept > 3_600:
            self._swept = time.monotonic()
            with self._database.write() as connection:
                webhook_outbox.purge(connection, datetime.now(UTC).replace(tzinfo=None) - _KEPT)
        return bool(waiting)

    def close(self) -> None:
        """Let connections go."""
        self._pool.shutdown(wait=False)
        self._client.close()

    def _attempt_all(self, group: list[Delivery], webhook: Webhook) -> None:
        """In their order, up to the first that does not arrive."""
        for delivery in group:
            if not self._attempt(delivery, webhook):
                break

    def _attempt(self, delivery: Delivery, webhook: Webhook) -> bool:
        body = delivery.body or self._write_body(delivery)
        trouble = self._send(delivery, webhook, body)
        attempts = delivery.attempts + 1
        with self._database.write() as connection:
            if not trouble:
                webhook_outbox.settle(connection, delivery, state="sent", attempts=attempts, note="arrived")
            elif attempts >= ATTEMPTS:
                webhook_outbox.settle(connection, delivery, state="dead", attempts=attempts, note=trouble)
            else:
                pause = _PAUSES[min(attempts, len(_PAUSES)) - 1]
                webhook_outbox.settle(
                    connection, delivery, attempts=attempts, note=trouble, due=time.time() + pause
                )
        return not trouble

    def _write_body(self, delivery: Delivery) -> str:
        """What is told is fixed at the first attempt, so that every later one tells the same."""
        with self._database.write() as connection:
            data = self._tell(connection, delivery.kind, delivery.subject)
            body = json.dumps(
                {
                    "type": delivery.kind,
                    "id": delivery.uid,
                    "timestamp": f"{delivery.at.isoformat()}Z",
                    "data": data,
                },
                ensure_ascii=False,
            )
            webhook_outbox.settle(connection, delivery, body=body)
        return body

    def _send(self, delivery: Delivery, webhook: Webhook, body: str) -> str:
        """Send it; why it did not arrive, empty if it did. What the receiver answers is never shown."""
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "user-agent": "Tagloop-Webhooks",
            "webhook-id": delivery.uid,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(webhook.secret, delivery.uid, now, body),
        }
        try:
            with self._client.stream("POST", webhook.url, content=body.encode(), headers=headers) as response:
                size = 0
                for part in response.iter_raw():
                    size += len(part)
                    if size > _READ:
                        break
        except WebhookError as error:
            return str(error)
        except httpx.TimeoutException:
            return f"no answer within {_SECONDS:.0f} seconds"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logging.getLogger(__name__).info("webhook %s: %r", webhook.id, error)
            return f"the connection to {urlsplit(webhook.url).hostname} failed"
        if response.is_redirect:
            return f"it answered {response.status_code}; redirects are not followed, so give the final address"
        return "" if response.is_success else f"it answered {response.status_code}"
