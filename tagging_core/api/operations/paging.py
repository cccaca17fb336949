"""Cursor-based paging."""

from __future__ import annotations

from typing import Any

from tagging_core.errors import SearchError
from tagging_core.publishing import schemas


def number(cursor: str) -> int:
    """Return the number a cursor encodes.

    Raises:
        SearchError: The cursor is malformed.
    """
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 18:
        raise SearchError(f"{cursor[:40]!r} is not a cursor; send the `next` of the previous page.")
    return int(cursor)


def page(found: list[Any], limit: int, key: Any) -> schemas.Page[Any]:
    """Return the first `limit` of up to `limit + 1` items as a page; `key` returns an item's cursor number."""
    shown = found[:limit]
    return schemas.Page(items=shown, next=str(key(shown[-1])) if len(found) > limit else None)
