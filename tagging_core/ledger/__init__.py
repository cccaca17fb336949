"""The append-only event ledger and the tables projected from it."""

from __future__ import annotations

from tagging_core.ledger.events import (
    CLOSING_STATES,
    NEEDS_TAG,
    STATES,
    WRITTEN,
    AssetState,
    Event,
    Kind,
    Label,
    Look,
    append,
    append_all,
    find_event,
    find_uid,
    fold,
    history_of,
    history_with,
    to_event,
    undone_ids,
    verdicts,
)
from tagging_core.ledger.history import UserAction
from tagging_core.ledger.label_queries import decided_assets, labels_of
from tagging_core.ledger.projection import record, refold
from tagging_core.ledger.taxonomy_store import TaxonomyCache
from tagging_core.ledger.webhook_outbox import EventType, announce

__all__ = [
    "CLOSING_STATES",
    "NEEDS_TAG",
    "STATES",
    "WRITTEN",
    "AssetState",
    "Event",
    "EventType",
    "Kind",
    "Label",
    "Look",
    "TaxonomyCache",
    "UserAction",
    "announce",
    "append",
    "append_all",
    "decided_assets",
    "find_event",
    "find_uid",
    "fold",
    "history_of",
    "history_with",
    "labels_of",
    "record",
    "refold",
    "to_event",
    "undone_ids",
    "verdicts",
]
