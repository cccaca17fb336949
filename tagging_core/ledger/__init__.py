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

__all__ = [
    "CLOSING_STATES",
    "NEEDS_TAG",
    "STATES",
    "WRITTEN",
    "AssetState",
    "Event",
    "Kind",
    "Label",
    "Look",
    "append",
    "append_all",
    "find_event",
    "find_uid",
    "fold",
    "history_of",
    "history_with",
    "to_event",
    "undone_ids",
    "verdicts",
]
