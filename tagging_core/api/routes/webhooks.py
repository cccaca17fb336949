"""Webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from tagging_core.api.routes.common import (
    AnyId,
    Cursor,
    Hooking,
    Limit,
    OnceKey,
    ScopedRoute,
    once,
)
from tagging_core.publishing import schemas

router = APIRouter(tags=["Webhooks"], route_class=ScopedRoute)


@router.get("/webhooks")
def list_webhooks(operations: Hooking) -> Sequence[schemas.Webhook]:
    """List webhooks, newest first."""
    return operations.webhooks.list()


@router.post("/webhooks", status_code=201, response_model=schemas.Webhook)
def add_webhook(
    request: Request, operations: Hooking, webhook: schemas.NewWebhook, key: OnceKey = None
) -> Response:
    """Subscribe a URL to future events; only this response contains the signing secret."""
    work = lambda: operations.webhooks.add(webhook.url, webhook.kinds)  # noqa: E731
    return once(request, key, [webhook.model_dump_json()], work, 201)


@router.patch("/webhooks/{webhook}")
def switch_webhook(operations: Hooking, webhook: AnyId, active: bool) -> schemas.Webhook:
    """Pause or resume a webhook."""
    return operations.webhooks.set_active(webhook, active)


@router.get("/deliveries")
def list_deliveries(
    operations: Hooking,
    webhook: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    state: Literal["waiting", "sent", "dead"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Delivery]:
    """List sent, waiting and dead-lettered deliveries, newest first."""
    return operations.webhooks.deliveries(webhook, state, cursor, limit=limit)


@router.post("/deliveries/{delivery}/replay")
def replay_delivery(operations: Hooking, delivery: Annotated[str, Path(max_length=40)]) -> schemas.Delivery:
    """Send a delivery again, with the same id and body."""
    return operations.webhooks.replay(delivery)
