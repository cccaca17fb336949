"""Validation of a taxonomy before a change is written."""

from __future__ import annotations

from collections.abc import Collection

from tagging_core.errors import TagError
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Category, Tag, Taxonomy

_MAX_LENGTH = 80


def check(after: Taxonomy, changed: Collection[str], categories: Collection[Category] = ()) -> None:
    """Validate new and changed tags and categories.

    Args:
        after: The taxonomy with the change applied.
        changed: Ids of new or changed tags.
        categories: New or changed categories.

    Raises:
        TagError: A tag or category is incomplete or contradictory, or its name is taken.
    """
    for category in categories:
        _check_category(category, after)
    for problem in problems(after, changed).values():
        raise TagError(problem)


def problems(after: Taxonomy, changed: Collection[str]) -> dict[str, str]:
    """Return an error message by id for each changed tag that is invalid."""
    found: dict[str, str] = {}
    tags = [after.tags[tag_id] for tag_id in changed if tag_id in after.tags]
    placed: set[str] = set()
    for tag in tags:
        try:
            _check_tag(tag, after, placed)
        except TagError as error:
            found[tag.id] = str(error)
    return _shared_words(after, tags) | found


def _check_tag(tag: Tag, after: Taxonomy, placed: set[str]) -> None:
    """Validate a tag, its category and its parents, but not the uniqueness of its names.

    Args:
        placed: Ids of tags whose ancestors are valid; extended.

    Raises:
        TagError: The tag is invalid.
    """
    if tag.category_id not in after.categories:
        raise TagError(f"There is no category {tag.category_id!r}. Choose one of {', '.join(after.categories)}.")
    if not tag.names.get("en", "").strip():
        raise TagError("A tag needs an English name: the model reads English.")
    for word in tag.words():
        if not 1 <= len(word.strip()) <= _MAX_LENGTH or not word.isprintable():
            raise TagError(f"The name {word!r} cannot be used: a name has 1 to {_MAX_LENGTH} printable characters.")
    if tag.target is not None and not 0.5 <= tag.target < 1:
        raise TagError(f"The precision target of a tag must be between 0.5 and 1; it cannot be {tag.target}.")
    if tag.state not in ("active", "proposed", "deprecated", "merged"):
        raise TagError(f"The state of a tag is active, proposed, deprecated or merged, not {tag.state!r}.")
    if (tag.state == "merged") != (tag.merged_into is not None):
        raise TagError(f"Tag {tag.id!r}: a merged tag must name its merge target, and no other tag may name one.")
    if tag.merged_into is not None and after.redirects.resolve(tag.id) not in after.tags:
        raise TagError(f"The tag {tag.id!r} cannot be merged into {tag.merged_into!r}: there is no such tag.")
    _check_ancestors(tag, after, placed)


def _check_ancestors(tag: Tag, after: Taxonomy, placed: set[str]) -> None:
    path, parent_id = {tag.id: tag}, tag.parent_id
    while parent_id is not None:
        parent = after.tags.get(parent_id)
        if parent is None or parent.state == "merged":
            raise TagError(f"The tag {tag.name()!r} cannot have the parent {parent_id!r}: there is no such tag.")
        if parent_id in path:
            cycle = " below ".join(repr(t.name()) for t in [*path.values(), parent])
            raise TagError(f"A tag cannot be its own ancestor: {cycle}.")
        if parent.category_id != tag.category_id:
            category = after.categories[tag.category_id].name()
            raise TagError(
                f"{tag.name()!r} of {category!r} cannot have {parent.name()!r} of another category as its parent."
            )
        if parent_id in placed:
            break
        path[parent_id] = parent
        parent_id = parent.parent_id
    placed.update(path)


def _shared_words(after: Taxonomy, tags: list[Tag]) -> dict[str, str]:
    """Return an error message by id for each tag that shares a name or alias within its category."""
    category_ids, changed = {tag.category_id for tag in tags}, {tag.id for tag in tags}
    owners: dict[tuple[str, str], Tag] = {}
    found: dict[str, str] = {}
    # Unchanged tags keep their words; of two changed tags, the first does.
    for tag in sorted(after.assignable(), key=lambda t: t.id in changed):
        if tag.category_id not in category_ids:
            continue
        for word in tag.words():
            other = owners.setdefault((tag.category_id, same_word(word)), tag)
            if other is not tag and tag.id in changed:
                category = after.categories[tag.category_id].name()
                found[tag.id] = (
                    f"{word!r} is already a name of the tag {other.name()!r} ({other.id}) of {category!r}; "
                    f"{tag.name()!r} needs another."
                )
    return found


def _check_category(category: Category, after: Taxonomy) -> None:
    if not category.names.get("en", "").strip():
        raise TagError("A category needs an English name.")
    if hidden := [name for name in category.names.values() if not name.isprintable()]:
        raise TagError(f"The category name {hidden[0]!r} has characters that cannot be seen. Remove them.")
    if not 1 <= category.top_k <= 12:
        raise TagError(f"A category suggests at most 1 to 12 tags per picture; it cannot be {category.top_k}.")
    for other in after.categories.values():
        shared = {same_word(n) for n in category.names.values()} & {same_word(n) for n in other.names.values()}
        if other.id != category.id and shared and category.state == "active":
            raise TagError(f"{category.name()!r} is already the name of the category {other.name()!r}.")
