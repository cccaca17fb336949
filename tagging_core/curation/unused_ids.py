"""Ids for new tags and categories."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tagging_core.taxonomy.model import Category, Tag


class UnusedIds:
    """Generates ids that are not taken.

    Args:
        taken: All ids in use, and those of deleted items, which stay theirs.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def claim(self, base: str) -> str:
        """Return the base, with a number from 2 if it is taken, and take it."""
        n = self._numbers.get(base, 1)
        while (new := base if n == 1 else f"{base}-{n}") in self._taken:
            n += 1
        self._taken.add(new)
        self._numbers[base] = n + 1
        return new

    def new_tag_id(self, tag: Tag) -> str:
        """Return an id made of a tag's category and English name, and take it."""
        return self.claim(f"{tag.category_id}.{_slug(tag.names.get('en', ''))[:60] or 'tag'}")

    def new_category_id(self, category: Category) -> str:
        """Return an id made of a category's English name, and take it."""
        return self.claim(_slug(category.names.get("en", ""))[:40] or "category")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
