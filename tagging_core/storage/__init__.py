"""SQL schema, connections and transactions, key-value store, blob stores and leader election."""

from __future__ import annotations

from tagging_core.storage import key_values
from tagging_core.storage.blobs import BlobStore, open_blobs
from tagging_core.storage.database import Database, integrity, pipelined
from tagging_core.storage.leader_election import LeaderLock
from tagging_core.storage.statements import add_to, insert, insert_row, upsert

__all__ = [
    "BlobStore",
    "Database",
    "LeaderLock",
    "add_to",
    "insert",
    "insert_row",
    "integrity",
    "key_values",
    "open_blobs",
    "pipelined",
    "upsert",
]
