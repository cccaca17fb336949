"""SQL storage: the schema and the connections; what is stored is said in the modules that use it."""

from __future__ import annotations

from tagging_core.storage.database import Database, add_to, insert, insert_row, integrity, pipelined, upsert

__all__ = ["Database", "add_to", "insert", "insert_row", "integrity", "pipelined", "upsert"]
