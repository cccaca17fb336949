"""Marks tags whose models have to be fitted again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    String,
    bindparam,
    select,
    true,
)

from tagging_core.storage import insert
from tagging_core.storage.schema import dirty
from tagging_core.storage.schema import families as spaces_table


def mark_dirty(connection: Connection, tag_ids: Iterable[str]) -> None:
    """Mark tags for refitting in every vector space; the statement reads the spaces, so that no caller has to."""
    marked = uuid.uuid4().hex
    if rows := [{"tag": tag_id, "mark": marked} for tag_id in sorted(set(tag_ids))]:
        connection.execute(_marking(connection.dialect.name), rows)


@cache
def _marking(dialect: str) -> Any:
    each = select(spaces_table.c.fingerprint, bindparam("tag", type_=String), bindparam("mark", type_=String))
    new = insert(dialect, dirty).from_select(["fingerprint", "tag_id", "marked"], each.where(true()))
    keys = [dirty.c.fingerprint, dirty.c.tag_id]
    return new.on_conflict_do_update(index_elements=keys, set_={"marked": new.excluded.marked})
