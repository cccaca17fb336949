"""Tags, categories and profiles, and the file they start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tagging_core.errors import NotFoundError, TagError
from tagging_core.taxonomy.redirects import NO_REDIRECTS, TagRedirects

LANGUAGES = ("en", "zh")
STARTER = Path(__file__).parents[2] / "data" / "taxonomy" / "starter.yaml"
_DEFAULT_TEMPLATE = "a photo of {}"


@dataclass(frozen=True, slots=True)
class Category:
    """A group of tags.

    Attributes:
        exclusive: At most one of its tags applies to a picture; accepting one speaks against the others.
        top_k: How many of its tags are suggested for a picture at most.
        state: `active`, or `deleted`.
    """

    id: str
    names: dict[str, str]
    exclusive: bool = False
    top_k: int = 3
    position: int = 0
    state: str = "active"

    def name(self, language: str = "en") -> str:
        """Its name in a language, else in English, else its id."""
        return self.names.get(language) or self.names.get("en") or self.id


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag; its id never changes, everything else may.

    Attributes:
        names: By language code.
        aliases: Other words for it, by language code.
        prompts: English texts the model matches pictures against, without the template's "a photo of".
        state: `active`; `deprecated`, neither suggested nor given any more; `merged`; `deleted`; or `proposed`,
            given by people and suggested once an owner agrees.
        merged_into: The tag that its id stands for since it was merged.
        merged_after: The last event before that.
        sensitive: Suggested however unlikely others are, and only ever accepted one picture at a time.
        target: Share of suggestions that must be right where they are accepted unseen, in (0, 1); None for whatever
            is asked for.
        own_prompts: By a model's name, what that one is given in place of `prompts`.
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

    def name(self, language: str = "en") -> str:
        """Its name in a language, else in English, else its id."""
        return self.names.get(language) or self.names.get("en") or self.id

    def words(self) -> list[str]:
        """Every name and alias in every language."""
        return [*self.names.values(), *(alias for words in self.aliases.values() for alias in words)]


@dataclass(frozen=True, slots=True)
class Profile:
    """A business type.

    Attributes:
        instruction: What the model is to look for.
        followed: Whether it is told so; the usual instruction holds if not.
        categories: Ids of the categories in play.
        templates: Texts with one `{}` that turn a prompt into a sentence.
    """

    id: str
    names: dict[str, str]
    instruction: str
    categories: list[str]
    templates: list[str]
    position: int = 0
    followed: bool = False

    def name(self, language: str = "en") -> str:
        """Its name in a language, else in English, else its id."""
        return self.names.get(language) or self.names.get("en") or self.id


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All categories, tags and profiles at one moment, by id, in their order; deleted ones are left out.

    Attributes:
        redirects: What merged and deleted tags stand for.
    """

    revision: int
    categories: dict[str, Category]
    tags: dict[str, Tag]
    profiles: dict[str, Profile]
    redirects: TagRedirects = NO_REDIRECTS

    def tag(self, tag_id: str) -> Tag:
        """A tag by id; one that was merged resolves to the tag it went into.

        Raises:
            NotFoundError: There is no such tag.
        """
        found = self.redirects.resolve(tag_id)
        if found not in self.tags:
            raise NotFoundError(f"There is no tag {tag_id!r}.")
        return self.tags[found]

    def profile(self, profile_id: str) -> Profile:
        """A profile by id.

        Raises:
            NotFoundError: Lists the profiles there are.
        """
        if profile_id not in self.profiles:
            raise NotFoundError(f"There is no profile {profile_id!r}; there are {', '.join(self.profiles)}.")
        return self.profiles[profile_id]

    def unmerged(self) -> list[Tag]:
        """The tags that are tags of their own: all but the merged ones."""
        return [t for t in self.tags.values() if t.state != "merged"]

    def active(self, profile: Profile | None = None) -> list[Tag]:
        """The tags in use, of all categories or of those a profile has in play."""
        within = set(self.categories) if profile is None else set(profile.categories)
        return [t for t in self.tags.values() if t.state == "active" and t.category_id in within]

    def assignable(self) -> list[Tag]:
        """The tags that a person may give: those in use and those that were proposed."""
        return [t for t in self.tags.values() if t.state in ("active", "proposed")]

    def siblings(self, tag: Tag) -> list[Tag]:
        """The other active tags of an exclusive category; none if its category is not exclusive."""
        if not self.categories[tag.category_id].exclusive:
            return []
        return [t for t in self.active() if t.category_id == tag.category_id and t.id != tag.id]

    def with_children(self, tag_id: str) -> list[str]:
        """A tag and all that lie below it in the tree, the nearest first."""
        below: dict[str | None, list[str]] = {}
        for tag in self.tags.values():
            below.setdefault(tag.parent_id, []).append(tag.id)
        found = [tag_id]
        for each in found:
            found.extend(child for child in below.get(each, []) if child not in found)
        return found

    def profiles_with(self, category_id: str) -> list[Profile]:
        """The profiles that have a category in play."""
        return [p for p in self.profiles.values() if category_id in p.categories]

    def sentences(self, tag: Tag, templates: Sequence[str] = (), model: str = "") -> list[str]:
        """What the model reads for a tag: its prompts, or its name, in a model's own templates, if it has any.

        Args:
            tag: The tag.
            templates: The model's; empty means those of the tag's first profile.
            model: Its name, for prompts that are meant for it alone.
        """
        owners = self.profiles_with(tag.category_id)
        templates = templates or (owners[0].templates if owners else [_DEFAULT_TEMPLATE])
        prompts = tag.own_prompts.get(model) or tag.prompts or [default_prompt(tag)]
        return [template.format(prompt) for template in templates for prompt in prompts]


def default_prompt(tag: Tag) -> str:
    """The prompt of a tag that was given none: its English name and aliases, joined as synonyms."""
    words = [tag.name("en").lower(), *(alias.lower() for alias in tag.aliases.get("en", []))]
    return "a " + ", ".join(dict.fromkeys(words))


def with_known_synonyms(tag: Tag, starter: Taxonomy) -> Tag:
    """A new tag without prompts, given those of the starter library's tag of the same name, if there is one.

    This is the rule that every new tag gets, in the console as in the benchmarks: "trousers" is matched with
    "pants, trousers, jeans" wherever it is added. Spelling is compared without case, spaces and hyphens.
    """
    if tag.prompts:
        return tag
    wanted = _bare(tag.name("en"))
    for known in starter.tags.values():
        if wanted in {_bare(word) for word in [known.name("en"), *known.aliases.get("en", [])]}:
            return replace(tag, prompts=known.prompts)
    return tag


def _bare(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())


@cache
def read_taxonomy(path: Path = STARTER) -> Taxonomy:
    """Read a taxonomy file, once: those that ship do not change, and reading one takes half a second.

    Raises:
        TagError: The file is missing or not of the expected form.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        return _parse(data)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise TagError(f"{path} is no taxonomy file: {type(error).__name__}: {error}.") from error


def make_taxonomy(
    revision: int, categories: dict[str, Category], tags: dict[str, Tag], profiles: dict[str, Profile]
) -> Taxonomy:
    """A taxonomy of all items there are or were, by id, in their order."""
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
    """The whole of an item as a ledger event keeps it."""
    return asdict(item)


def _parse(data: dict[str, Any]) -> Taxonomy:
    categories: dict[str, Category] = {}
    tags: dict[str, Tag] = {}
    for place, entry in enumerate(data["categories"]):
        entries = entry.pop("tags", [])
        category = Category(**entry, position=place)
        categories[category.id] = category
        for values in entries:
            tag = Tag(category_id=category.id, position=len(tags), **values)
            tags[tag.id] = tag
    profiles = {p["id"]: Profile(**p, position=n) for n, p in enumerate(data["profiles"])}
    return Taxonomy(0, categories, tags, profiles)
