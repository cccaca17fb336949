"""Plans: changes to the tag library that have not been applied yet.

Every change, including imports and restored versions, is a plan and is validated, previewed, applied and undone in
the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tagging_core.curation.unused_ids import UnusedIds
from tagging_core.errors import TagError
from tagging_core.ledger.events import Kind
from tagging_core.ledger.taxonomy_history import Change
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.review.decisions import Decision
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy, make_taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy, with_known_synonyms


@dataclass(frozen=True, slots=True)
class Plan:
    """A proposed change.

    Attributes:
        title: Summary for people.
        items: New versions of the changed items; deleted items have the state `deleted`.
        decisions: Decisions on pictures that belong to the change.
        revision: Taxonomy revision the plan is based on; 0 overwrites any later change.
    """

    title: str
    items: tuple[Item, ...]
    decisions: tuple[Decision, ...] = ()
    revision: int = 0

    @property
    def tags(self) -> list[Tag]:
        """Changed tags."""
        return [item for item in self.items if isinstance(item, Tag)]

    @property
    def categories(self) -> list[Category]:
        """Changed categories."""
        return [item for item in self.items if isinstance(item, Category)]

    @property
    def profiles(self) -> list[Profile]:
        """Changed profiles."""
        return [item for item in self.items if isinstance(item, Profile)]

    def after(self, taxonomy: Taxonomy) -> Taxonomy:
        """Apply the plan to a taxonomy in memory; nothing is validated or written.

        Args:
            taxonomy: The taxonomy before the change; not modified.

        Returns:
            The taxonomy after it, with the same revision; tags deleted earlier stay deleted.
        """
        tags = dict(taxonomy.tags) | {tag.id: tag for tag in self.tags}
        tags |= {t: Tag(t, "", {}, state="deleted") for t in taxonomy.redirects.gone - tags.keys()}
        categories = taxonomy.categories | {c.id: c for c in self.categories}
        profiles = taxonomy.profiles | {p.id: p for p in self.profiles}
        return make_taxonomy(taxonomy.revision, categories, tags, profiles=profiles)


def save(taxonomy: Taxonomy, tag: Tag) -> Plan:
    """Add or change a tag; a tag without an id gets a new, permanent one."""
    known = taxonomy.tags.get(tag.id)
    tag = replace(
        tag,
        id=tag.id or UnusedIds([*taxonomy.tags, *taxonomy.redirects.gone]).new_tag_id(tag),
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
    return Plan(word, (tag, *_move_descendants(taxonomy, known, tag)), (), taxonomy.revision)


def merge(taxonomy: Taxonomy, source_id: str, target_id: str) -> Plan:
    """Merge a tag into another: its names become aliases, its children and decisions move.

    Raises:
        TagError: Source and target are the same tag, the target is not in use, or it is a descendant of the source.
    """
    source, target = taxonomy.tag(source_id), taxonomy.tag(target_id)
    if source.id == target.id:
        raise TagError(f"The tag {source.name()!r} cannot be merged into itself.")
    if target.state not in ("active", "proposed"):
        raise TagError(f"The tag {target.name()!r} is {target.state}; take it into use before merging into it.")
    if target.id in taxonomy.with_children(source.id)[1:]:
        raise TagError(
            f"{source.name()!r} cannot be merged into its descendant {target.name()!r}. Merge the other way "
            "round, or move the descendant first."
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
    descendants = [
        replace(t, category_id=target.category_id)
        for child in children
        for t in map(taxonomy.tags.__getitem__, taxonomy.with_children(child.id)[1:])
        if t.category_id != target.category_id
    ]
    gone = replace(source, state="merged", merged_into=target.id, parent_id=None)
    return Plan(
        f"Merge {source.name()} into {target.name()}",
        (replace(target, aliases=aliases), gone, *children, *descendants),
        (),
        taxonomy.revision,
    )


def move(taxonomy: Taxonomy, tag_id: str, category_id: str, *, parent_id: str | None) -> Plan:
    """Move a tag and its descendants to another category or parent."""
    tag = taxonomy.tag(tag_id)
    moved = replace(tag, category_id=category_id, parent_id=parent_id)
    place = taxonomy.tags[parent_id].name() if parent_id in taxonomy.tags else ""
    place = place or taxonomy.categories[category_id].name() if category_id in taxonomy.categories else category_id
    return Plan(
        f"Move {tag.name()} to {place}", (moved, *_move_descendants(taxonomy, tag, moved)), (), taxonomy.revision
    )


def set_state(taxonomy: Taxonomy, tag_id: str, state: str) -> Plan:
    """Deprecate (`deprecated`) or activate (`active`) a tag; pictures keep it either way."""
    tag = taxonomy.tag(tag_id)
    word = "Take {} into use" if state == "active" else "Take {} out of use"
    return Plan(word.format(tag.name()), (replace(tag, state=state),), (), taxonomy.revision)


def delete(taxonomy: Taxonomy, tag_id: str) -> Plan:
    """Delete a tag and the tags merged into it: pictures lose it, its children move up a level."""
    tag = taxonomy.tag(tag_id)
    children = [replace(child, parent_id=tag.parent_id) for child in children_of(taxonomy, tag.id)]
    merged = [t for t in taxonomy.tags.values() if t.merged_into and taxonomy.redirects.resolve(t.id) == tag.id]
    gone = [replace(t, state="deleted", parent_id=None) for t in [tag, *merged]]
    return Plan(f"Delete {tag.name()}", (*gone, *children), (), taxonomy.revision)


def split(taxonomy: Taxonomy, tag_id: str, new: Tag, *, asset_ids: Sequence[int]) -> Plan:
    """Create a new tag that replaces the old one on some of its pictures.

    Raises:
        TagError: No picture was chosen.
    """
    tag = taxonomy.tag(tag_id)
    if not asset_ids:
        raise TagError("No pictures are selected. Choose the pictures that get the new tag.")
    addition = save(
        taxonomy, replace(new, id="", category_id=tag.category_id, parent_id=new.parent_id or tag.parent_id)
    )
    added = addition.tags[0]
    profiles = taxonomy.profiles_with(tag.category_id)
    profile = profiles[0].id if profiles else next(iter(taxonomy.profiles))
    decisions = [Decision(Kind.REPLACE, a, tag.id, added.id, profile, payload={"split": True}) for a in asset_ids]
    return Plan(f"Split {added.name()} from {tag.name()}", (added,), tuple(decisions), taxonomy.revision)


def save_category(taxonomy: Taxonomy, category: Category, profiles: Iterable[str] | None = None) -> Plan:
    """Add or change a category and the profiles that use it; None keeps the profiles unchanged."""
    known = taxonomy.categories.get(category.id)
    names = {code: " ".join(name.split()) for code, name in category.names.items() if name.strip()}
    category = replace(category, names=names)
    category = replace(category, id=category.id or UnusedIds(taxonomy.categories).new_category_id(category))
    if known is None:
        category = replace(category, position=max([-1, *(c.position for c in taxonomy.categories.values())]) + 1)
    changed = [] if profiles is None else in_play(taxonomy, category.id, set(profiles))
    word = "Change" if known else "Add"
    return Plan(f"{word} the category {category.name()}", (category, *changed), (), taxonomy.revision)


def delete_category(taxonomy: Taxonomy, category_id: str) -> Plan:
    """Delete an empty category.

    Raises:
        TagError: The category still has tags.
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


def instruct(taxonomy: Taxonomy, profile_id: str, instruction: str, *, followed: bool) -> Plan:
    """Set a profile's instruction for the model and whether the model follows it.

    Raises:
        NotFoundError: There is no such profile.
        TagError: `followed` is set but the instruction is empty.
    """
    profile, instruction = taxonomy.profile(profile_id), " ".join(instruction.split())
    if followed and not instruction:
        raise TagError(f"The instruction for {profile.name()} is empty. Enter one, or use the model's default.")
    changed = replace(profile, instruction=instruction, followed=followed)
    word = "Change the instruction for" if followed else "Use the default instruction for"
    return Plan(f"{word} {profile.name()}", (changed,), (), taxonomy.revision)


def in_play(taxonomy: Taxonomy, category_id: str, wanted: set[str]) -> list[Profile]:
    """Return the profiles to change so that exactly the wanted ones use a category."""
    changed = []
    for profile in taxonomy.profiles.values():
        has = category_id in profile.categories
        if has and profile.id not in wanted:
            changed.append(replace(profile, categories=[c for c in profile.categories if c != category_id]))
        elif not has and profile.id in wanted:
            changed.append(replace(profile, categories=[*profile.categories, category_id]))
    return changed


def children_of(taxonomy: Taxonomy, tag_id: str) -> list[Tag]:
    """Return the direct children of a tag."""
    return [tag for tag in taxonomy.tags.values() if tag.parent_id == tag_id]


def next_position(taxonomy: Taxonomy) -> int:
    """Return the position after the last tag."""
    return max([-1, *(tag.position for tag in taxonomy.tags.values())]) + 1


def tidy(words: Iterable[str]) -> list[str]:
    """Normalize white space and remove empty and duplicate words."""
    found: dict[str, str] = {}
    for word in (" ".join(word.split()) for word in words):
        if word:
            found.setdefault(same_word(word), word)
    return list(found.values())


def _move_descendants(taxonomy: Taxonomy, before: Tag, after: Tag) -> list[Tag]:
    """Return the descendants of a tag with its new category; none if the category is unchanged."""
    if before.category_id == after.category_id:
        return []
    descendants = taxonomy.with_children(before.id)[1:]
    return [replace(taxonomy.tags[t], category_id=after.category_id) for t in descendants]


def restore(changes: Sequence[Change], moment: str) -> Plan:
    """Return the plan that reverts changes; items added by them are deleted, which can be undone."""
    items: list[Item] = []
    for change in changes:
        if change.before is not None:
            items.append(change.before)
        elif not isinstance(change.after, Profile):  # profiles ship with Tagloop and are never created
            items.append(replace(change.after, state="deleted"))
    return Plan(f"Restore the library as of {moment}", tuple(items))
