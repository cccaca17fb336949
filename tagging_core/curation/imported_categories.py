"""The categories of an import file, found among those of the library or added."""

from __future__ import annotations

import re
from dataclasses import replace

from tagging_core.curation.unused_ids import UnusedIds
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Category, Taxonomy


class ImportedCategories:
    """Finds categories by id, URI or English name, and collects new and changed ones.

    Args:
        taxonomy: The library before the import.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._known = taxonomy.categories
        self._changed: dict[str, Category] = {}
        self._references: dict[str, str] = {}
        self._ids = UnusedIds(taxonomy.categories)
        self._position = max([-1, *(c.position for c in taxonomy.categories.values())]) + 1
        for category in taxonomy.categories.values():
            self._refer(category)

    @property
    def changed(self) -> list[Category]:
        """New and changed categories."""
        return list(self._changed.values())

    def find(self, reference: str) -> str:
        """Return the id of the category with this id, URI or English name; empty if there is none."""
        if reference in self._known or reference in self._changed:
            return reference
        return self._references.get(reference) or self._references.get(same_word(reference), "")

    def find_or_add(self, reference: str) -> str:
        """Return the id of the category with this id, URI or English name, which is added if there is none.

        Raises:
            ValueError: There is none, and this cannot be the name of one.
        """
        name = " ".join(reference.split())
        if not name.isprintable():
            raise ValueError(f"the category {reference!r} has characters that cannot be seen; remove them")
        return self.find(reference) or self._add_new(Category("", {"en": name}))

    def add(self, category: Category) -> None:
        """Add a category, or replace the one with its id."""
        known = self._known.get(category.id)
        if known is None:
            self._add_new(category)
        else:
            self._change(replace(category, position=known.position))

    def add_scheme(self, scheme: Category) -> None:
        """Add the category of a concept scheme, or bring its names up to date; its settings stay."""
        name = scheme.names.get("en") or re.split("[/#:]", (scheme.id or scheme.uri).rstrip("/#:"))[-1]
        found = self.find(scheme.id) or self.find(scheme.uri) or self.find(name)
        known = self._changed.get(found) or self._known.get(found)
        if known is None:
            self._add_new(replace(scheme, names={"en": name} | scheme.names))
            return
        self._change(replace(known, names=known.names | scheme.names, uri=scheme.uri or known.uri))
        self._references |= {reference: known.id for reference in (scheme.id, scheme.uri) if reference}

    def _add_new(self, category: Category) -> str:
        category = replace(category, id=category.id or self._ids.new_category_id(category), position=self._position)
        self._position += 1
        self._changed[category.id] = category
        self._refer(category)
        return category.id

    def _change(self, category: Category) -> None:
        if category != (self._changed.get(category.id) or self._known[category.id]):
            self._changed[category.id] = category
        self._refer(category)

    def _refer(self, category: Category) -> None:
        self._references[same_word(category.name())] = category.id
        if category.uri:
            self._references[category.uri] = category.id
