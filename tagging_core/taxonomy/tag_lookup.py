"""Finding the tag that a file of another program names."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.errors import NotFoundError
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Tag, Taxonomy


class TagLookup:
    """Finds tags by id, name or alias in any language.

    Args:
        taxonomy: The tags.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._by_word: dict[str, dict[str, Tag]] = {}
        for tag in taxonomy.assignable():
            for word in tag.words():
                self._by_word.setdefault(same_word(word), {})[tag.id] = tag

    def find(self, name: str, path: Sequence[str] = ()) -> Tag:
        """Return the tag with an id, name or alias.

        Args:
            name: An id, redirected if its tag was merged; or a name, regardless of case, width and accents.
            path: What the name is below: names or ids of its category and parents. Tells tags of one name apart.

        Raises:
            NotFoundError: There is no such tag, or several.
        """
        if self._taxonomy.redirects.resolve(name) in self._taxonomy.tags:
            return self._taxonomy.tag(name)
        named = list(self._by_word.get(same_word(name), {}).values())
        above = {same_word(step) for step in path}
        found = [tag for tag in named if above & self._words_above(tag)] or named
        if len(found) > 1:
            raise NotFoundError(f"{name!r} names several tags: {', '.join(tag.id for tag in found)}. Use an id.")
        if not found:
            raise NotFoundError(f"There is no tag {name!r}.")
        return found[0]

    def _words_above(self, tag: Tag) -> set[str]:
        """Return the names and ids of a tag's category and parents."""
        category = self._taxonomy.categories[tag.category_id]
        words = [category.id, *category.names.values()]
        parent = self._taxonomy.tags.get(tag.parent_id or "")
        while parent:
            words += [parent.id, *parent.words()]
            parent = self._taxonomy.tags.get(parent.parent_id or "")
        return {same_word(word) for word in words}
