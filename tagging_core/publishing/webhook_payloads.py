"""Webhook payloads: API schemas of the subject as it is at the first attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from tagging_core.assets import repository
from tagging_core.ingest import batches
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.publishing import serializers
from tagging_core.publishing.webhook_delivery import PayloadBuilder


def payload_builder(taxonomies: Callable[[], TaxonomyCache]) -> PayloadBuilder:
    """Return the function that builds the payload of a delivery.

    Args:
        taxonomies: Returns the taxonomy cache of the active model's library.
    """

    def build(connection: Connection, kind: EventType, subject: dict[str, Any]) -> dict[str, Any]:
        taxonomy = taxonomies().load(connection)
        if "asset" in subject:
            found = [repository.get(connection, subject["asset"])]
            return {
                "asset": serializers.assets(connection, taxonomy, found, language="en")[0].model_dump(mode="json")
            }
        if "batch" in subject:
            return {"batch": serializers.batch(batches.get(connection, subject["batch"])).model_dump(mode="json")}
        tag = taxonomy.tags.get(subject["tag"])
        if tag is None:
            return {"tag": {"id": subject["tag"], "state": "deleted"}}
        counts = taxonomy_store.counts(connection, [tag.id])
        return {"tag": serializers.tag(tag, counts.get(tag.id, (0, 0)), "en").model_dump(mode="json")}

    return build
