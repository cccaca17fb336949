"""Webhook delivery: signed POST requests, retried with back-off, dead-lettered after the last attempt.

Headers and signature follow the Standard Webhooks specification.
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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection

from tagging_core.common import retry_after
from tagging_core.errors import TaggingError, WebhookError
from tagging_core.ledger import webhook_outbox
from tagging_core.ledger.webhook_outbox import Delivery, EventType, Webhook
from tagging_core.publishing.outbound_policy import OutboundPolicy, outbound_client
from tagging_core.storage import Database

ATTEMPTS = 10
"""Attempts before a delivery is dead-lettered, a little more than a day after the first."""

_BACKOFF_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
_ATTEMPT_SECONDS = 10.0
_MAX_RESPONSE = 65_536  # bytes of a response that are read, and discarded
_KEEP = timedelta(days=30)
_LONGEST_WAIT = 86_400.0  # seconds a receiver may ask for by `Retry-After`

PayloadBuilder = Callable[[Connection, EventType, dict[str, Any]], dict[str, Any]]
"""Builds the payload of an event from its type and subject, in their current state."""


def sign(secret: str, uid: str, timestamp: int, *, body: str) -> str:
    """Sign a delivery: `v1,` and the base64 of HMAC-SHA256 over `uid.timestamp.body`.

    The key is the part of the secret after `whsec_`, decoded from base64.
    """
    # Secrets of former versions are URL-safe and unpadded; this decoder takes both.
    key = base64.urlsafe_b64decode(secret.removeprefix("whsec_") + "==")
    digest = hmac.new(key, f"{uid}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class WebhookSender:
    """Sends due deliveries.

    Args:
        database: The store of record, with the outbox.
        targets: Allow list of targets.
        build_payload: Builds payloads.
    """

    def __init__(self, database: Database, targets: OutboundPolicy, build_payload: PayloadBuilder) -> None:
        self._database, self._build_payload = database, build_payload
        self._client = outbound_client(targets, _ATTEMPT_SECONDS)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="webhooks")
        self._purged_at = 0.0

    def work(self) -> bool:
        """Attempt up to 20 due deliveries; if one fails, the webhook's later ones wait for the next call.

        Returns:
            Whether any were due, so that more may be waiting; failed requests are recorded, not raised.
        """
        with self._database.read() as connection:
            waiting = webhook_outbox.due(connection)
            hooks = {w.id: w for w in webhook_outbox.all_webhooks(connection)} if waiting else {}
        groups = [
            [d for d in waiting if d.webhook_id == hook] for hook in dict.fromkeys(d.webhook_id for d in waiting)
        ]
        # One thread per webhook: a target that hangs delays others by one attempt at most.
        list(self._pool.map(lambda group: self._attempt_all(group, hooks[group[0].webhook_id]), groups))
        if time.monotonic() - self._purged_at > 3_600:
            self._purged_at = time.monotonic()
            with self._database.write() as connection:
                webhook_outbox.purge(connection, datetime.now(UTC).replace(tzinfo=None) - _KEEP)
        return bool(waiting)

    def close(self) -> None:
        """Close threads and connections."""
        self._pool.shutdown(wait=False)
        self._client.close()

    def _attempt_all(self, group: list[Delivery], webhook: Webhook) -> None:
        """Attempt deliveries in order, up to the first failure."""
        for delivery in group:
            if not self._attempt(delivery, webhook):
                break

    def _attempt(self, delivery: Delivery, webhook: Webhook) -> bool:
        try:
            answer = self._send(delivery, webhook, delivery.body or self._write_body(delivery))
        except TaggingError as problem:  # what it is about cannot be read any more: an attempt like any other
            answer = _Answer(f"no payload: {problem}")
        with self._database.write() as connection:
            if answer.gone:
                webhook_outbox.pause(connection, webhook.id, answer.error)
            if answer.wait:
                webhook_outbox.hold(connection, webhook.id, time.time() + answer.wait)
            webhook_outbox.settle(connection, delivery, **_outcome(delivery.attempts + 1, answer))
        return not answer.error

    def _write_body(self, delivery: Delivery) -> str:
        """Build and store the body at the first attempt, so that retries send the same bytes."""
        with self._database.write() as connection:
            data = self._build_payload(connection, delivery.kind, delivery.subject)
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

    def _send(self, delivery: Delivery, webhook: Webhook, body: str) -> _Answer:
        """Send a delivery; the response body is never shown."""
        now = int(time.time())
        headers = {
            "content-type": "application/json",
            "user-agent": "Tagloop-Webhooks",
            "webhook-id": delivery.uid,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(webhook.secret, delivery.uid, now, body=body),
        }
        try:
            with self._client.stream("POST", webhook.url, content=body.encode(), headers=headers) as response:
                size = 0
                for part in response.iter_raw():
                    size += len(part)
                    if size > _MAX_RESPONSE:
                        break
        except WebhookError as error:
            return _Answer(str(error))
        except httpx.TimeoutException:
            return _Answer(f"no response within {_ATTEMPT_SECONDS:.0f} seconds")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logging.getLogger(__name__).info("webhook %s: %r", webhook.id, error)
            return _Answer(f"the connection to {urlsplit(webhook.url).hostname} failed")
        return _answer(response)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of an attempt.

    Attributes:
        error: Empty on success.
        gone: Whether the receiver wants no more events at all.
        wait: Seconds in which the receiver wants no request.
    """

    error: str
    gone: bool = False
    wait: float = 0.0


def _answer(response: httpx.Response) -> _Answer:
    status = response.status_code
    if response.is_success:
        return _Answer("")
    if response.is_redirect:
        return _Answer(f"status {status}: redirects are not followed, so register the final URL")
    if status == httpx.codes.GONE:
        return _Answer("status 410: the receiver wants no more events, so the webhook is paused", gone=True)
    busy = status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
    wait = retry_after.seconds(response.headers.get("retry-after"), _LONGEST_WAIT) if busy else 0.0
    return _Answer(f"status {status}", wait=wait)


def _outcome(attempts: int, answer: _Answer) -> dict[str, Any]:
    """Return the values of a delivery after an attempt."""
    values = {"attempts": attempts, "note": answer.error or "delivered"}
    if not answer.error:
        return values | {"state": "sent"}
    if answer.gone or attempts >= ATTEMPTS:
        return values | {"state": "dead"}
    pause = _BACKOFF_SECONDS[min(attempts, len(_BACKOFF_SECONDS)) - 1]
    return values | {"due": time.time() + max(pause, answer.wait)}
