"""Tags, categories, profiles and the taxonomy that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tagging_core.errors import NotFoundError
from tagging_core.taxonomy.redirects import NO_REDIRECTS, TagRedirects

LANGUAGES = ("en", "zh")
_DEFAULT_TEMPLATE = "a photo of {}"


@dataclass(frozen=True, slots=True)
class Category:
    """A group of tags.

    Attributes:
        exclusive: At most one of its tags applies to a picture; accepting one is evidence against the others.
        top_k: Maximum number of its tags that are suggested for a picture.
        position: Sort order.
        state: `active` or `deleted`.
        uri: URI of the thesaurus that it was imported from; empty if none.
    """

    id: str
    names: dict[str, str]
    exclusive: bool = False
    top_k: int = 3
    position: int = 0
    state: str = "active"
    uri: str = ""

    def name(self, language: str = "en") -> str:
        """Return the name in a language.

        Args:
            language: Language code, such as `en` or `zh`.

        Returns:
            The name; in English if there is none in this language, or else the id.
        """
        return self.names.get(language) or self.names.get("en") or self.id


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag; its id never changes, everything else may.

    Attributes:
        names: Display name by language code.
        aliases: Synonyms by language code.
        prompts: English texts that the model compares pictures with, without the template ("a photo of").
        state: `active`; `deprecated`: no longer suggested or assignable; `merged`; `deleted`; or `proposed`:
            assignable, but suggested only after an owner approves it.
        merged_into: For a merged tag, the tag that its id redirects to.
        merged_after: Id of the last event before the merge.
        sensitive: Suggested regardless of the top-k limits, and never accepted in bulk.
        target: Minimum precision target for bulk acceptance, in (0, 1); None: the target that was requested.
        own_prompts: By model name, prompts that replace `prompts` for that model.
        uri: URI of the thesaurus concept that it was imported from; empty if none.
    """

    id: str
    category_id: str
    names: dict[str, str]
    aliases: dict[str, list[str]] = field(default_factory=dict)
    definition: str = ""
    prompts: list[str] = field(default_factory=list)
    parent_id: str | None = None
    merged_into: str | None = None
    state: str = "active"
    position: int = 0
    merged_after: int | None = None
    sensitive: bool = False
    target: float | None = None
    own_prompts: dict[str, list[str]] = field(default_factory=dict)
    uri: str = ""

    def name(self, language: str = "en") -> str:
        """Return the name in a language.

        Args:
            language: Language code, such as `en` or `zh`.

        Returns:
            The name; in English if there is none in this language, or else the id.
        """
        return self.names.get(language) or self.names.get("en") or self.id

    def words(self) -> list[str]:
        """Return the words a tag is found by.

        Returns:
            All names, then all aliases, in all languages; they may contain duplicates.
        """
        return [*self.names.values(), *(alias for words in self.aliases.values() for alias in words)]


@dataclass(frozen=True, slots=True)
class Profile:
    """A business type, such as e-commerce or news.

    Attributes:
        instruction: What the model should look for in a picture.
        followed: Whether the model is given the instruction; if not, it uses its default one.
        categories: Ids of the categories that apply.
        templates: Texts with one `{}` for the prompt, such as "a photo of {}".
    """

    id: str
    names: dict[str, str]
    instruction: str
    categories: list[str]
    templates: list[str]
    position: int = 0
    followed: bool = False

    def name(self, language: str = "en") -> str:
        """Return the name in a language.

        Args:
            language: Language code, such as `en` or `zh`.

        Returns:
            The name; in English if there is none in this language, or else the id.
        """
        return self.names.get(language) or self.names.get("en") or self.id


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """A snapshot of all categories, tags and profiles by id, in display order, without deleted ones.

    Attributes:
        revision: Taxonomy revision of the snapshot.
        redirects: Resolves the ids of merged and deleted tags.
    """

    revision: int
    categories: dict[str, Category]
    tags: dict[str, Tag]
    profiles: dict[str, Profile]
    redirects: TagRedirects = NO_REDIRECTS

    def tag(self, tag_id: str) -> Tag:
        """Return a tag by id.

        Args:
            tag_id: The id; that of a merged tag is redirected.

        Returns:
            The tag, in any state but `merged` and `deleted`.

        Raises:
            NotFoundError: The tag does not exist or was deleted.
        """
        found = self.redirects.resolve(tag_id)
        if found not in self.tags:
            raise NotFoundError(f"There is no tag {tag_id!r}.")
        return self.tags[found]

    def profile(self, profile_id: str) -> Profile:
        """Return a profile by id.

        Args:
            profile_id: Its id.

        Returns:
            The profile.

        Raises:
            NotFoundError: The profile does not exist; the message lists the valid ids.
        """
        if profile_id not in self.profiles:
            raise NotFoundError(f"There is no profile {profile_id!r}. Expected one of {', '.join(self.profiles)}.")
        return self.profiles[profile_id]

    def unmerged(self) -> list[Tag]:
        """Return all tags except merged ones.

        Returns:
            Active, deprecated and proposed tags, in display order.
        """
        return [t for t in self.tags.values() if t.state != "merged"]

    def active(self, profile: Profile | None = None) -> list[Tag]:
        """Return the active tags.

        Args:
            profile: Only tags of this profile's categories; None for all categories.

        Returns:
            Tags in display order.
        """
        categories = set(self.categories) if profile is None else set(profile.categories)
        return [t for t in self.tags.values() if t.state == "active" and t.category_id in categories]

    def assignable(self) -> list[Tag]:
        """Return the tags that a person may assign.

        Returns:
            Active and proposed tags, in display order.
        """
        return [t for t in self.tags.values() if t.state in ("active", "proposed")]

    def siblings(self, tag: Tag) -> list[Tag]:
        """Return the tags that a tag rules out on a picture.

        Args:
            tag: A tag of this taxonomy.

        Returns:
            The other active tags of its category if that is exclusive, else none.
        """
        if not self.categories[tag.category_id].exclusive:
            return []
        return [t for t in self.active() if t.category_id == tag.category_id and t.id != tag.id]

    def with_children(self, tag_id: str) -> list[str]:
        """Return a tag's id and those of its descendants.

        Args:
            tag_id: The id, which is not redirected; an unknown one is returned alone.

        Returns:
            Ids in breadth-first order, starting with the given one; all states but `deleted`.
        """
        children: dict[str | None, list[str]] = {}
        for tag in self.tags.values():
            children.setdefault(tag.parent_id, []).append(tag.id)
        found = [tag_id]
        for each in found:
            found.extend(child for child in children.get(each, []) if child not in found)
        return found

    def profiles_with(self, category_id: str) -> list[Profile]:
        """Return the profiles that use a category.

        Args:
            category_id: Its id; no profile uses an unknown one.

        Returns:
            The profiles, in display order.
        """
        return [p for p in self.profiles.values() if category_id in p.categories]

    def sentences(self, tag: Tag, templates: Sequence[str] = (), model: str = "") -> list[str]:
        """Return the texts to embed for a tag: each of its prompts in each template.

        Args:
            tag: Without prompts of its own, its English name and aliases are the prompt.
            templates: The model's templates; empty: those of the first profile that uses the tag's category.
            model: Model name, to select prompts from `own_prompts`.

        Returns:
            All prompts in the first template, then in the next one.
        """
        profiles = self.profiles_with(tag.category_id)
        templates = templates or (profiles[0].templates if profiles else [_DEFAULT_TEMPLATE])
        prompts = tag.own_prompts.get(model) or tag.prompts or [default_prompt(tag)]
        return [template.format(prompt) for template in templates for prompt in prompts]


def default_prompt(tag: Tag) -> str:
    """Return the prompt of a tag without prompts: its English name and aliases, comma-separated."""
    words = [tag.name("en").lower(), *(alias.lower() for alias in tag.aliases.get("en", []))]
    return "a " + ", ".join(dict.fromkeys(words))


def make_taxonomy(
    revision: int, categories: dict[str, Category], tags: dict[str, Tag], *, profiles: dict[str, Profile]
) -> Taxonomy:
    """Build a taxonomy from all items by id, in display order, merged and deleted ones included."""
    merged = sorted((t for t in tags.values() if t.merged_into), key=lambda t: (t.merged_after or 0, t.id))
    gone = frozenset(t.id for t in tags.values() if t.state == "deleted")
    return Taxonomy(
        revision,
        {c.id: c for c in categories.values() if c.state != "deleted"},
        {t.id: t for t in tags.values() if t.state != "deleted"},
        profiles,
        TagRedirects({t.id: (t.merged_into or "", t.merged_after or 0) for t in merged}, gone),
    )


def as_payload(item: Category | Tag | Profile) -> dict[str, Any]:
    """Serialize an item as the payload of a ledger event."""
    return asdict(item)
