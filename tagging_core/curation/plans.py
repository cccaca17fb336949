"""Plans: what a change would make of the tag library, before anything is written.

Every kind of change, an import and a restored version among them, is a plan: the items as they would be. So all are
checked, previewed, written and taken back the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tagging_core.errors import TagError
from tagging_core.ledger.events import Kind
from tagging_core.ledger.taxonomy_history import Change
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.review.decisions import Decision
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import (
    Category,
    Profile,
    Tag,
    Taxonomy,
    make_taxonomy,
    read_taxonomy,
    with_known_synonyms,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that was not made yet.

    Attributes:
        title: What it does, for a person to read.
        items: Those that would be different, as they would be; deleted ones in the state `deleted`.
        decisions: What it would say about pictures.
        revision: Of the taxonomy that it was made for; 0 to overwrite whatever came since.
    """

    title: str
    items: tuple[Item, ...]
    decisions: tuple[Decision, ...] = ()
    revision: int = 0

    @property
    def tags(self) -> list[Tag]:
        """The tags among its items."""
        return [item for item in self.items if isinstance(item, Tag)]

    @property
    def categories(self) -> list[Category]:
        """The categories among its items."""
        return [item for item in self.items if isinstance(item, Category)]

    @property
    def profiles(self) -> list[Profile]:
        """The profiles among its items."""
        return [item for item in self.items if isinstance(item, Profile)]

    def after(self, taxonomy: Taxonomy) -> Taxonomy:
        """The taxonomy as it would be; what was deleted before is not brought back by it."""
        tags = dict(taxonomy.tags) | {tag.id: tag for tag in self.tags}
        tags |= {t: Tag(t, "", {}, state="deleted") for t in taxonomy.redirects.gone - tags.keys()}
        categories = taxonomy.categories | {c.id: c for c in self.categories}
        profiles = taxonomy.profiles | {p.id: p for p in self.profiles}
        return make_taxonomy(taxonomy.revision, categories, tags, profiles)


def save(taxonomy: Taxonomy, tag: Tag) -> Plan:
    """Add a tag, or change one; a tag without an id is given one that never changes."""
    known = taxonomy.tags.get(tag.id)
    tag = replace(
        tag,
        id=tag.id or new_id(tag, taxonomy),
        position=known.position if known else next_position(taxonomy),
        names={code: " ".join(name.split()) for code, name in tag.names.items() if name.strip()},
        aliases={code: words for code, given in tag.aliases.items() if (words := tidy(given))},
        prompts=tidy(tag.prompts),
        own_prompts={model: words for model, given in tag.own_prompts.items() if (words := tidy(given))},
        definition=tag.definition.strip(),
    )
    tag = with_known_synonyms(tag, read_taxonomy())
    if known is None:
        return Plan(f"Add {tag.name()}", (tag,), (), taxonomy.revision)
    word = f"Rename {known.name()} to {tag.name()}" if known.name() != tag.name() else f"Change {tag.name()}"
    return Plan(word, (tag, *_follow_category(taxonomy, known, tag)), (), taxonomy.revision)


def merge(taxonomy: Taxonomy, source_id: str, target_id: str) -> Plan:
    """Let a tag become another: its names turn into aliases, its children and decisions move.

    Raises:
        TagError: Both are one tag, or the target stands below the source.
    """
    source, target = taxonomy.tag(source_id), taxonomy.tag(target_id)
    if source.id == target.id:
        raise TagError(f"The tag {source.name()!r} cannot be merged into itself.")
    if target.state not in ("active", "proposed"):
        raise TagError(f"The tag {target.name()!r} is {target.state}; take it into use before others go into it.")
    if target.id in taxonomy.with_children(source.id)[1:]:
        raise TagError(
            f"{source.name()!r} cannot be merged into {target.name()!r}, which stands below it. Merge the other "
            "way round, or move it first."
        )
    taken = {
        same_word(word)
        for tag in taxonomy.assignable()
        if tag.category_id == target.category_id and tag.id != source.id
        for word in tag.words()
    }
    aliases = {code: list(words) for code, words in target.aliases.items()}
    for code in source.names.keys() | source.aliases.keys():
        for word in [*filter(None, [source.names.get(code)]), *source.aliases.get(code, [])]:
            if same_word(word) not in taken:
                taken.add(same_word(word))
                aliases.setdefault(code, []).append(word)
    children = [
        replace(t, parent_id=target.id, category_id=target.category_id) for t in children_of(taxonomy, source.id)
    ]
    below = [
        replace(t, category_id=target.category_id)
        for child in children
        for t in map(taxonomy.tags.__getitem__, taxonomy.with_children(child.id)[1:])
        if t.category_id != target.category_id
    ]
    gone = replace(source, state="merged", merged_into=target.id, parent_id=None)
    return Plan(
        f"Merge {source.name()} into {target.name()}",
        (replace(target, aliases=aliases), gone, *children, *below),
        (),
        taxonomy.revision,
    )


def move(taxonomy: Taxonomy, tag_id: str, category_id: str, parent_id: str | None) -> Plan:
    """Put a tag, with what stands below it, into another category or below another tag."""
    tag = taxonomy.tag(tag_id)
    moved = replace(tag, category_id=category_id, parent_id=parent_id)
    place = taxonomy.tags[parent_id].name() if parent_id in taxonomy.tags else ""
    place = place or taxonomy.categories[category_id].name() if category_id in taxonomy.categories else category_id
    return Plan(
        f"Move {tag.name()} to {place}", (moved, *_follow_category(taxonomy, tag, moved)), (), taxonomy.revision
    )


def set_state(taxonomy: Taxonomy, tag_id: str, state: str) -> Plan:
    """Take a tag out of use (`deprecated`) or into use (`active`); pictures keep it either way."""
    tag = taxonomy.tag(tag_id)
    word = "Take {} into use" if state == "active" else "Take {} out of use"
    return Plan(word.format(tag.name()), (replace(tag, state=state),), (), taxonomy.revision)


def delete(taxonomy: Taxonomy, tag_id: str) -> Plan:
    """Delete a tag: pictures lose it, its id leads nowhere; what stands below it moves up."""
    tag = taxonomy.tag(tag_id)
    children = [replace(child, parent_id=tag.parent_id) for child in children_of(taxonomy, tag.id)]
    merged = [t for t in taxonomy.tags.values() if t.merged_into and taxonomy.redirects.resolve(t.id) == tag.id]
    gone = [replace(t, state="deleted", parent_id=None) for t in [tag, *merged]]
    return Plan(f"Delete {tag.name()}", (*gone, *children), (), taxonomy.revision)


def split(taxonomy: Taxonomy, tag_id: str, new: Tag, asset_ids: Sequence[int]) -> Plan:
    """Make a new tag of some of a tag's pictures, which have it in place of the old one from then on.

    Raises:
        TagError: No picture was chosen.
    """
    tag = taxonomy.tag(tag_id)
    if not asset_ids:
        raise TagError("Choose the pictures that get the new tag; nothing would be split otherwise.")
    made = save(
        taxonomy, replace(new, id="", category_id=tag.category_id, parent_id=new.parent_id or tag.parent_id)
    )
    fresh = made.tags[0]
    profiles = taxonomy.profiles_with(tag.category_id)
    profile = profiles[0].id if profiles else next(iter(taxonomy.profiles))
    said = [Decision(Kind.REPLACE, a, tag.id, fresh.id, profile, payload={"split": True}) for a in asset_ids]
    return Plan(f"Split {fresh.name()} from {tag.name()}", (fresh,), tuple(said), taxonomy.revision)


def save_category(taxonomy: Taxonomy, category: Category, profiles: Iterable[str] | None = None) -> Plan:
    """Add or change a category, and say which profiles have it in play; None leaves that as it is."""
    known = taxonomy.categories.get(category.id)
    names = {code: " ".join(name.split()) for code, name in category.names.items() if name.strip()}
    base = re.sub(r"[^a-z0-9]+", "-", names.get("en", "").lower()).strip("-")[:40] or "category"
    category = replace(category, names=names, id=category.id or _free(base, taxonomy.categories))
    if known is None:
        category = replace(category, position=max([-1, *(c.position for c in taxonomy.categories.values())]) + 1)
    changed = [] if profiles is None else in_play(taxonomy, category.id, set(profiles))
    word = "Change" if known else "Add"
    return Plan(f"{word} the category {category.name()}", (category, *changed), (), taxonomy.revision)


def delete_category(taxonomy: Taxonomy, category_id: str) -> Plan:
    """Delete a category that has no tags any more.

    Raises:
        TagError: It has some.
    """
    category = taxonomy.categories[category_id]
    if left := [t for t in taxonomy.unmerged() if t.category_id == category_id]:
        raise TagError(
            f"The category {category.name()!r} has {len(left)} tags, {left[0].name()!r} among them. Move, merge or "
            "delete them first."
        )
    profiles = in_play(taxonomy, category_id, set())
    return Plan(
        f"Delete the category {category.name()}",
        (replace(category, state="deleted"), *profiles),
        (),
        taxonomy.revision,
    )


def instruct(taxonomy: Taxonomy, profile_id: str, instruction: str, followed: bool) -> Plan:
    """Say what the model is to look for in a profile's pictures, and whether it is told so.

    Raises:
        NotFoundError: There is no such profile.
        TagError: It is to be told nothing.
    """
    profile, instruction = taxonomy.profile(profile_id), " ".join(instruction.split())
    if followed and not instruction:
        raise TagError(f"Say what the model is to look for in pictures of {profile.name()}, or leave it untold.")
    changed = replace(profile, instruction=instruction, followed=followed)
    word = "Change what the model is told for" if followed else "Tell the model nothing in particular for"
    return Plan(f"{word} {profile.name()}", (changed,), (), taxonomy.revision)


def in_play(taxonomy: Taxonomy, category_id: str, wanted: set[str]) -> list[Profile]:
    """The profiles that change when exactly the wanted ones have a category in play."""
    changed = []
    for profile in taxonomy.profiles.values():
        has = category_id in profile.categories
        if has and profile.id not in wanted:
            changed.append(replace(profile, categories=[c for c in profile.categories if c != category_id]))
        elif not has and profile.id in wanted:
            changed.append(replace(profile, categories=[*profile.categories, category_id]))
    return changed


def children_of(taxonomy: Taxonomy, tag_id: str) -> list[Tag]:
    """The tags that stand right below a tag."""
    return [tag for tag in taxonomy.tags.values() if tag.parent_id == tag_id]


def new_id(tag: Tag, taxonomy: Taxonomy, taken: Iterable[str] = ()) -> str:
    """An id that no tag has or ever had."""
    slug = re.sub(r"[^a-z0-9]+", "-", tag.names.get("en", "").lower()).strip("-")[:60] or "tag"
    return _free(f"{tag.category_id}.{slug}", {*taxonomy.tags, *taxonomy.redirects.gone, *taken})


def next_position(taxonomy: Taxonomy) -> int:
    """Behind all others."""
    return max([-1, *(tag.position for tag in taxonomy.tags.values())]) + 1


def tidy(words: Iterable[str]) -> list[str]:
    """Words without what is empty or doubled."""
    found: dict[str, str] = {}
    for word in (" ".join(word.split()) for word in words):
        if word:
            found.setdefault(same_word(word), word)
    return list(found.values())


def _free(base: str, taken: Iterable[str]) -> str:
    known, n = set(taken), 1
    while (new := base if n == 1 else f"{base}-{n}") in known:
        n += 1
    return new


def _follow_category(taxonomy: Taxonomy, before: Tag, after: Tag) -> list[Tag]:
    """What stands below a tag goes with it into another category."""
    if before.category_id == after.category_id:
        return []
    below = taxonomy.with_children(before.id)[1:]
    return [replace(taxonomy.tags[t], category_id=after.category_id) for t in below]


def restore(changes: Sequence[Change], moment: str) -> Plan:
    """The plan that makes the library what it was; what came later is deleted by it, and can be brought back."""
    items: list[Item] = []
    for change in changes:
        if change.before is not None:
            items.append(change.before)
        elif not isinstance(change.after, Profile):  # profiles come with Tagloop and are never made
            items.append(replace(change.after, state="deleted"))
    return Plan(f"Restore the library as of {moment}", tuple(items))
