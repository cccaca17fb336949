"""What a taxonomy must be like: no change that would break it is written."""

from __future__ import annotations

from collections.abc import Collection

from tagging_core.errors import TagError
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Category, Tag, Taxonomy

_LONGEST = 80


def check(after: Taxonomy, changed: Collection[str], categories: Collection[Category] = ()) -> None:
    """Refuse a taxonomy in which changed tags or categories could not be used or told apart.

    Args:
        after: As it would be.
        changed: Ids of tags that are new or different.
        categories: Those that are new or different.

    Raises:
        TagError: Says which tag, and what is missing, taken or contradictory.
    """
    for category in categories:
        _check_category(category, after)
    for problem in problems(after, changed).values():
        raise TagError(problem)


def problems(after: Taxonomy, changed: Collection[str]) -> dict[str, str]:
    """What is wrong with each of the changed tags that cannot be as it would be, by tag id."""
    found: dict[str, str] = {}
    tags = [after.tags[tag_id] for tag_id in changed if tag_id in after.tags]
    for tag in tags:
        try:
            check_tag(tag, after)
        except TagError as error:
            found[tag.id] = str(error)
    return _shared_words(after, tags) | found


def check_tag(tag: Tag, after: Taxonomy) -> None:
    """Refuse a tag that makes no sense by itself or where it stands.

    Raises:
        TagError: Says what is wrong with it.
    """
    if tag.category_id not in after.categories:
        raise TagError(f"There is no category {tag.category_id!r}; there are {', '.join(after.categories)}.")
    if not tag.names.get("en", "").strip():
        raise TagError("A tag needs an English name: the model reads English.")
    for word in tag.words():
        if not 1 <= len(word.strip()) <= _LONGEST or not word.isprintable():
            raise TagError(f"The name {word!r} cannot be used: a name has 1 to {_LONGEST} printable characters.")
    if tag.target is not None and not 0.5 <= tag.target < 1:
        raise TagError(f"The precision wanted of a tag lies between 0.5 and 1; it cannot be {tag.target}.")
    if tag.state not in ("active", "proposed", "deprecated", "merged"):
        raise TagError(f"The state of a tag is active, proposed, deprecated or merged; it cannot be {tag.state!r}.")
    if (tag.state == "merged") != (tag.merged_into is not None):
        raise TagError(f"A merged tag names the tag it went into, and no other does: look at {tag.id!r}.")
    if tag.merged_into is not None and after.redirects.resolve(tag.id) not in after.tags:
        raise TagError(f"The tag {tag.id!r} cannot be merged into {tag.merged_into!r}: there is no such tag.")
    _check_parent(tag, after)


def _check_parent(tag: Tag, after: Taxonomy) -> None:
    seen, above = [tag], tag.parent_id
    while above is not None:
        parent = after.tags.get(above)
        if parent is None or parent.state == "merged":
            raise TagError(f"The tag {tag.name()!r} cannot stand below {above!r}: there is no such tag.")
        if parent in seen:
            way = " below ".join(repr(t.name()) for t in [*seen, parent])
            raise TagError(f"A tag cannot stand below itself: {way}.")
        if parent.category_id != tag.category_id:
            category = after.categories[tag.category_id].name()
            raise TagError(
                f"The tag {tag.name()!r} of {category!r} cannot stand below {parent.name()!r}, which is of another "
                "category."
            )
        seen.append(parent)
        above = parent.parent_id


def _shared_words(after: Taxonomy, tags: list[Tag]) -> dict[str, str]:
    """Tags that share a word within a category with one that may be given: nobody could say which one is meant."""
    concerned, changed = {tag.category_id for tag in tags}, {tag.id for tag in tags}
    owners: dict[tuple[str, str], Tag] = {}
    found: dict[str, str] = {}
    # Those that stay as they are own their words; of two that change, the first does.
    for tag in sorted(after.assignable(), key=lambda t: t.id in changed):
        if tag.category_id not in concerned:
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
    if not 1 <= category.top_k <= 12:
        raise TagError(f"Of a category, 1 to 12 tags are suggested at most; it cannot be {category.top_k}.")
    for other in after.categories.values():
        shared = {same_word(n) for n in category.names.values()} & {same_word(n) for n in other.names.values()}
        if other.id != category.id and shared and category.state == "active":
            raise TagError(f"{category.name()!r} is already the name of the category {other.name()!r}.")
