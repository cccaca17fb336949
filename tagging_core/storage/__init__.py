"""SQL schema, connections and transactions, key-value store, blob stores and leader election."""

from __future__ import annotations

from tagging_core.storage.database import Database, add_to, insert, insert_row, integrity, pipelined, upsert

__all__ = ["Database", "add_to", "insert", "insert_row", "integrity", "pipelined", "upsert"]
