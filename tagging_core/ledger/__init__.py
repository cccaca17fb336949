"""The append-only ledger and every table derived from it."""

from __future__ import annotations

from tagging_core.ledger.events import (
    CLOSES,
    NEEDS_TAG,
    STATES,
    WRITTEN,
    AssetState,
    Event,
    Kind,
    Label,
    Look,
    append,
    append_many,
    find_event,
    find_uid,
    fold,
    history_of,
    history_with,
    taken_back,
    to_event,
    verdicts,
)

__all__ = [
    "CLOSES",
    "NEEDS_TAG",
    "STATES",
    "WRITTEN",
    "AssetState",
    "Event",
    "Kind",
    "Label",
    "Look",
    "append",
    "append_many",
    "find_event",
    "find_uid",
    "fold",
    "history_of",
    "history_with",
    "taken_back",
    "to_event",
    "verdicts",
]
