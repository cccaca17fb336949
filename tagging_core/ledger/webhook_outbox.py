"""Webhook subscriptions and the outbox of their deliveries.

Deliveries are queued in the transaction that causes them, so a commit loses none and a rollback leaves none behind.
`publishing.webhook_delivery` then POSTs them, signed, and retries until they arrive.
"""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, func, or_, select, update

from tagging_core.common.users import Action, User, require
from tagging_core.errors import NotFoundError, WebhookError
from tagging_core.storage import insert_row
from tagging_core.storage.schema import deliveries, webhooks


class EventType(StrEnum):
    """Type of a webhook event."""

    BATCH_DONE = "batch.done"  # every asset of a batch is stored and tagged
    ASSET_REVIEWED = "asset.reviewed"  # a review was finished, or the tags of a reviewed asset changed
    ASSET_REOPENED = "asset.reopened"  # a finished review was undone
    TAG_CHANGED = "tag.changed"  # a tag was added, renamed, moved, deprecated, reactivated or deleted
    TAG_MERGED = "tag.merged"  # the tag's id now redirects to another tag


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook subscription.

    Attributes:
        kinds: Event types it receives.
        secret: Signing key, see `publishing.webhook_delivery.sign`.
        active: Whether deliveries are queued and sent.
        pause_reason: Why it was paused, if not by a person; otherwise empty.
        created_at: UTC, naive.
    """

    id: int
    url: str
    kinds: tuple[EventType, ...]
    secret: str
    active: bool
    pause_reason: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event queued for one webhook.

    Attributes:
        uid: Idempotency key for the receiver, the same on every attempt.
        subject: What the event concerns, such as `{"asset": 7}`; the payload is built from it.
        body: The JSON sent, built on the first attempt; empty before.
        state: `waiting`, `sent`, or `dead` (dead-lettered after the last attempt).
        due: Time of the next attempt, seconds since the epoch.
        note: Outcome of the last attempt.
        at: When it was queued, UTC, naive.
    """

    id: int
    uid: str
    webhook_id: int
    kind: EventType
    subject: dict[str, Any]
    body: str
    state: str
    attempts: int
    due: float
    note: str
    at: datetime


def add(connection: Connection, user: User, url: str, *, kinds: Iterable[EventType]) -> Webhook:
    """Subscribe a URL to event types. The outbound policy is checked on delivery, not here.

    Args:
        url: An http or https URL of at most 2,000 characters, without user name or password.

    Returns:
        The active webhook, with a new secret.

    Raises:
        NotAllowedError: The user may not upload.
        WebhookError: The URL is invalid, or `kinds` is empty.
    """
    require(user, Action.UPLOAD)
    wanted = sorted(set(kinds))
    if not _is_valid(url):
        raise WebhookError(
            f"{url[:200]!r} is not a valid webhook URL: use http(s)://host/path, at most 2,000 characters, "
            "without a user name or password."
        )
    if not wanted:
        raise WebhookError(f"Choose at least one event type: {', '.join(EventType)}.")
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    row = {"url": url, "kinds": wanted, "secret": f"whsec_{key}", "active": True}
    webhook_id = insert_row(connection, webhooks, row | {"created_by": user.name, "created_at": _now()})
    return get(connection, webhook_id)


def _is_valid(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets without an IPv6 address
        return False
    return bool(parts.scheme in ("http", "https") and parts.hostname and not parts.username and len(url) <= 2_000)


def get(connection: Connection, webhook_id: int) -> Webhook:
    """Return a webhook by id.

    Raises:
        NotFoundError: There is no such webhook.
    """
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise NotFoundError(f"There is no webhook {webhook_id}.")
    return _to_webhook(row)


def all_webhooks(connection: Connection) -> list[Webhook]:
    """Return every webhook, latest first."""
    return [_to_webhook(row) for row in connection.execute(select(webhooks).order_by(webhooks.c.id.desc()))]


def set_active(connection: Connection, user: User, webhook_id: int, *, active: bool) -> Webhook:
    """Pause or resume a webhook; while it is paused, waiting deliveries are kept and no new ones are queued.

    Raises:
        NotAllowedError: The user may not upload.
        NotFoundError: There is no such webhook.
    """
    require(user, Action.UPLOAD)
    get(connection, webhook_id)
    values = {"active": active, "pause_reason": "", "not_before": 0}
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))
    return get(connection, webhook_id)


def pause(connection: Connection, webhook_id: int, reason: str) -> None:
    """Pause a webhook whose receiver wants no more events, until a person resumes it."""
    values = {"active": False, "pause_reason": reason}
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))


def hold(connection: Connection, webhook_id: int, until: float) -> None:
    """Send nothing to a webhook before a time, in seconds since the epoch."""
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(not_before=until))


def announce(connection: Connection, kind: EventType, subjects: Iterable[dict[str, Any]]) -> None:
    """Queue a delivery of each subject to every active webhook subscribed to the event type.

    Args:
        connection: The write transaction that causes the event.
        kind: The event type.
        subjects: One dictionary per event, such as `{"asset": 7}`; left unread if no webhook is subscribed.
    """
    webhook_ids = [w.id for w in all_webhooks(connection) if w.active and kind in w.kinds]
    now = {"kind": kind, "state": "waiting", "due": time.time(), "at": _now()}
    rows = [
        now | {"uid": uuid.uuid4().hex, "webhook_id": webhook_id, "subject": subject}
        for subject in (subjects if webhook_ids else ())
        for webhook_id in webhook_ids
    ]
    if rows:
        connection.execute(deliveries.insert(), rows)


def recent(
    connection: Connection, webhook_id: int | None = None, state: str = "", *, before: int = 0, limit: int = 50
) -> list[Delivery]:
    """Return the latest deliveries, latest first.

    Args:
        webhook_id: Only deliveries of this webhook.
        state: Only deliveries in this state; empty for all.
        before: Only deliveries with a smaller id, for paging; 0 for all.
    """
    query = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    if webhook_id is not None:
        query = query.where(deliveries.c.webhook_id == webhook_id)
    if state:
        query = query.where(deliveries.c.state == state)
    if before:
        query = query.where(deliveries.c.id < before)
    return [_to_delivery(row) for row in connection.execute(query)]


def counts(connection: Connection) -> dict[int, dict[str, int]]:
    """Return the number of deliveries by webhook id and state."""
    query = select(deliveries.c.webhook_id, deliveries.c.state, func.count())
    found: dict[int, dict[str, int]] = {}
    for webhook_id, state, n in connection.execute(query.group_by(deliveries.c.webhook_id, deliveries.c.state)):
        found.setdefault(webhook_id, {})[state] = n
    return found


def replay(connection: Connection, user: User, uid: str) -> Delivery:
    """Queue a delivery again, whatever its state; it keeps its uid and body.

    Raises:
        NotAllowedError: The user may not upload.
        NotFoundError: There is no such delivery.
    """
    require(user, Action.UPLOAD)
    this = deliveries.c.uid == uid
    values = {"state": "waiting", "due": time.time(), "attempts": 0}
    if not connection.execute(update(deliveries).where(this).values(values)).rowcount:
        raise NotFoundError(f"There is no delivery {uid!r}.")
    return _to_delivery(connection.execute(select(deliveries).where(this)).one())


def due(connection: Connection, limit: int = 20, each: int = 10) -> list[Delivery]:
    """Return deliveries of active webhooks that are due now, the longest overdue first.

    Args:
        connection: A read transaction.
        limit: Maximum number in all.
        each: Maximum number of one webhook, so that a dead target with a long queue does not starve the others.
    """
    now = time.time()
    active = select(webhooks.c.id).where(webhooks.c.active, webhooks.c.not_before <= now)
    place = func.row_number().over(partition_by=deliveries.c.webhook_id, order_by=deliveries.c.due)
    waiting = deliveries.c.state == "waiting", deliveries.c.due <= now, deliveries.c.webhook_id.in_(active)
    placed = select(deliveries, place.label("place")).where(*waiting).subquery()
    first = select(placed).where(placed.c.place <= each).order_by(placed.c.due).limit(limit)
    return [_to_delivery(row) for row in connection.execute(first)]


def settle(connection: Connection, delivery: Delivery, **values: Any) -> None:
    """Record the outcome of an attempt.

    Args:
        values: New column values, such as `state`, `attempts`, `due` and `note`.
    """
    connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(values))


def purge(connection: Connection, before: datetime) -> int:
    """Delete sent and dead-lettered deliveries that were queued before a time (UTC, naive).

    Returns:
        The number deleted.
    """
    ended = or_(deliveries.c.state == "sent", deliveries.c.state == "dead")
    return connection.execute(delete(deliveries).where(ended, deliveries.c.at < before)).rowcount


def _to_webhook(row: Row[Any]) -> Webhook:
    values = {name: getattr(row, name) for name in Webhook.__dataclass_fields__}
    return Webhook(**values | {"kinds": tuple(EventType(k) for k in row.kinds)})


def _to_delivery(row: Row[Any]) -> Delivery:
    values = {name: getattr(row, name) for name in Delivery.__dataclass_fields__}
    return Delivery(**values | {"kind": EventType(row.kind)})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
