"""Data for other systems: API schemas, captions, exports and webhook deliveries."""

from __future__ import annotations

from tagging_core.publishing import captions, schemas, serializers
from tagging_core.publishing.caption_model import CaptionDrafter
from tagging_core.publishing.caption_service import CaptionService
from tagging_core.publishing.exports.exporter import Format, export
from tagging_core.publishing.webhook_delivery import WebhookSender
from tagging_core.publishing.webhooks import WebhookService

__all__ = [
    "CaptionDrafter",
    "CaptionService",
    "Format",
    "WebhookSender",
    "WebhookService",
    "captions",
    "export",
    "schemas",
    "serializers",
]
