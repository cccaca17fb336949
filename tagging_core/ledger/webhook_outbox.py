"""Webhooks: who is told what happened, and what is still to be told.

What happens is written down in the transaction in which it happens, so nothing is lost and nothing is told that was
not kept; `delivering` sends it afterwards, and again until it arrives.
"""

from __future__ import annotations

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
    """What can be told."""

    BATCH_DONE = "batch.done"  # all pictures of a batch are in and tagged
    ASSET_REVIEWED = "asset.reviewed"  # a picture's review was finished, or its tags changed after that
    ASSET_REOPENED = "asset.reopened"  # a finished review was taken back
    TAG_CHANGED = "tag.changed"  # a tag was added, renamed, moved, taken out of use or deleted
    TAG_MERGED = "tag.merged"  # its id stands for another tag from now on


@dataclass(frozen=True, slots=True)
class Webhook:
    """One address that is told; times are UTC without zone.

    Attributes:
        kinds: What it is told.
        secret: Signs what is sent, see `delivering.sign`.
    """

    id: int
    url: str
    kinds: tuple[EventType, ...]
    secret: str
    active: bool
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing that one address is told.

    Attributes:
        uid: Stays the same however often it is sent, so that the receiver can tell.
        state: `waiting`; `sent`; or `dead`, given up after many attempts.
        due: When it is tried next, seconds since the epoch.
        note: How the last attempt ended.
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


def add(connection: Connection, user: User, url: str, kinds: Iterable[EventType]) -> Webhook:
    """Tell an address of some kinds of happenings from now on; whether it may be called is found out when it is.

    Raises:
        NotAllowedError: The user may not upload, the least that a program of a CMS does.
        WebhookError: It is no http or https address, or is to be told nothing.
    """
    require(user, Action.UPLOAD)
    wanted = sorted(set(kinds))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or len(url) > 2_000:
        raise WebhookError(
            f"{url[:200]!r} is no address that can be told: give http(s)://host/path, without a password."
        )
    if not wanted:
        raise WebhookError(f"Say what is to be told: {', '.join(EventType)}.")
    row = {"url": url, "kinds": wanted, "secret": f"whsec_{secrets.token_urlsafe(32)}", "active": True}
    webhook_id = insert_row(connection, webhooks, row | {"created_by": user.name, "created_at": _now()})
    return get(connection, webhook_id)


def get(connection: Connection, webhook_id: int) -> Webhook:
    """A webhook by id.

    Raises:
        NotFoundError: There is none.
    """
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise NotFoundError(f"There is no webhook {webhook_id}.")
    return _to_webhook(row)


def all_webhooks(connection: Connection) -> list[Webhook]:
    """Every webhook, latest first."""
    return [_to_webhook(row) for row in connection.execute(select(webhooks).order_by(webhooks.c.id.desc()))]


def set_active(connection: Connection, user: User, webhook_id: int, active: bool) -> Webhook:
    """Stop telling an address, or tell it again; what waits then, waits."""
    require(user, Action.UPLOAD)
    get(connection, webhook_id)
    connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(active=active))
    return get(connection, webhook_id)


def announce(connection: Connection, kind: EventType, subjects: Iterable[dict[str, Any]]) -> None:
    """Write down, within the transaction of what happens, who is to be told of it."""
    told = [w.id for w in all_webhooks(connection) if w.active and kind in w.kinds]
    now = {"kind": kind, "state": "waiting", "due": time.time(), "at": _now()}
    rows = [
        now | {"uid": uuid.uuid4().hex, "webhook_id": webhook_id, "subject": subject}
        for subject in (subjects if told else ())
        for webhook_id in told
    ]
    if rows:
        connection.execute(deliveries.insert(), rows)


def recent(
    connection: Connection, webhook_id: int | None = None, state: str = "", before: int = 0, limit: int = 50
) -> list[Delivery]:
    """The latest deliveries, latest first.

    Args:
        webhook_id: Of this webhook only.
        state: In this state only.
        before: Older than this delivery.
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
    """How many deliveries of each webhook are in each state."""
    query = select(deliveries.c.webhook_id, deliveries.c.state, func.count())
    found: dict[int, dict[str, int]] = {}
    for webhook_id, state, n in connection.execute(query.group_by(deliveries.c.webhook_id, deliveries.c.state)):
        found.setdefault(webhook_id, {})[state] = n
    return found


def replay(connection: Connection, user: User, uid: str) -> Delivery:
    """Send a delivery again, whatever became of it; its uid and body stay.

    Raises:
        NotFoundError: There is none.
    """
    require(user, Action.UPLOAD)
    mine = deliveries.c.uid == uid
    values = {"state": "waiting", "due": time.time(), "attempts": 0}
    if not connection.execute(update(deliveries).where(mine).values(values)).rowcount:
        raise NotFoundError(f"There is no delivery {uid!r}.")
    return _to_delivery(connection.execute(select(deliveries).where(mine)).one())


def due(connection: Connection, limit: int = 20) -> list[Delivery]:
    """Deliveries to be tried now, the longest due first."""
    active = select(webhooks.c.id).where(webhooks.c.active)
    query = select(deliveries).where(deliveries.c.state == "waiting", deliveries.c.due <= time.time())
    query = query.where(deliveries.c.webhook_id.in_(active)).order_by(deliveries.c.due).limit(limit)
    return [_to_delivery(row) for row in connection.execute(query)]


def settle(connection: Connection, delivery: Delivery, **values: Any) -> None:
    """Write down how an attempt went."""
    connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(values))


def purge(connection: Connection, before: datetime) -> int:
    """Remove deliveries that arrived, or were given up, before a moment; how many."""
    ended = or_(deliveries.c.state == "sent", deliveries.c.state == "dead")
    return connection.execute(delete(deliveries).where(ended, deliveries.c.at < before)).rowcount


def _to_webhook(row: Row) -> Webhook:
    values = {name: getattr(row, name) for name in Webhook.__dataclass_fields__}
    return Webhook(**values | {"kinds": tuple(EventType(k) for k in row.kinds)})


def _to_delivery(row: Row) -> Delivery:
    values = {name: getattr(row, name) for name in Delivery.__dataclass_fields__}
    return Delivery(**values | {"kind": EventType(row.kind)})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
