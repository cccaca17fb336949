"""Tags, categories and profiles, and the file they start from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tagging_core.errors import NotFoundError, TagError

LANGUAGES = ("en", "zh")
STARTER = Path(__file__).parent.parent / "data" / "taxonomy" / "starter.yaml"
_DEFAULT_TEMPLATE = "a photo of {}"


@dataclass(frozen=True, slots=True)
class Category:
    """A group of tags.

    Attributes:
        exclusive: At most one of its tags applies to a picture; accepting one speaks against the others.
        top_k: How many of its tags are suggested for a picture at most.
    """

    id: str
    names: dict[str, str]
    exclusive: bool = False
    top_k: int = 3
    position: int = 0

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
        state: `active`, `deprecated`, `merged`, or `proposed`: given by people, suggested once an owner agrees.
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
        instruction: What the model is told to look for.
        categories: Ids of the categories in play.
        templates: Texts with one `{}` that turn a prompt into a sentence.
    """

    id: str
    names: dict[str, str]
    instruction: str
    categories: list[str]
    templates: list[str]
    position: int = 0

    def name(self, language: str = "en") -> str:
        """Its name in a language, else in English, else its id."""
        return self.names.get(language) or self.names.get("en") or self.id


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All categories, tags and profiles at one moment, by id, in their order."""

    revision: int
    categories: dict[str, Category]
    tags: dict[str, Tag]
    profiles: dict[str, Profile]

    def tag(self, tag_id: str) -> Tag:
        """A tag by id; one that was merged resolves to the tag it went into.

        Raises:
            NotFoundError: There is no such tag.
        """
        seen: set[str] = set()
        while tag_id in self.tags and tag_id not in seen:
            seen.add(tag_id)
            tag = self.tags[tag_id]
            if not tag.merged_into:
                return tag
            tag_id = tag.merged_into
        raise NotFoundError(f"There is no tag {tag_id!r}.")

    def profile(self, profile_id: str) -> Profile:
        """A profile by id.

        Raises:
            NotFoundError: Lists the profiles there are.
        """
        if profile_id not in self.profiles:
            raise NotFoundError(f"There is no profile {profile_id!r}; there are {', '.join(self.profiles)}.")
        return self.profiles[profile_id]

    def active(self, profile: Profile | None = None) -> list[Tag]:
        """The tags in use, of all categories or of those a profile has in play."""
        within = set(self.categories) if profile is None else set(profile.categories)
        return [t for t in self.tags.values() if t.state == "active" and t.category_id in within]

    def givable(self) -> list[Tag]:
        """The tags that a person may give: those in use and those that were proposed."""
        return [t for t in self.tags.values() if t.state in ("active", "proposed")]

    def siblings(self, tag: Tag) -> list[Tag]:
        """The other active tags of an exclusive category; none if its category is not exclusive."""
        if not self.categories[tag.category_id].exclusive:
            return []
        return [t for t in self.active() if t.category_id == tag.category_id and t.id != tag.id]

    def profiles_with(self, category_id: str) -> list[Profile]:
        """The profiles that have a category in play."""
        return [p for p in self.profiles.values() if category_id in p.categories]

    def sentences(self, tag: Tag) -> list[str]:
        """What the model reads for a tag: its prompts, or its name, in the templates of its first profile."""
        owners = self.profiles_with(tag.category_id)
        templates = owners[0].templates if owners else [_DEFAULT_TEMPLATE]
        return [
            template.format(prompt) for template in templates for prompt in tag.prompts or [default_prompt(tag)]
        ]


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


def check_tag(tag: Tag, taxonomy: Taxonomy) -> None:
    """Refuse a tag that could not be used or told apart.

    Raises:
        TagError: Says what is missing or taken.
    """
    if tag.category_id not in taxonomy.categories:
        raise TagError(f"There is no category {tag.category_id!r}; there are {', '.join(taxonomy.categories)}.")
    if not tag.names.get("en", "").strip():
        raise TagError("A tag needs an English name: the model reads English.")
    for word in tag.words():
        if not 1 <= len(word.strip()) <= 80 or not word.isprintable():
            raise TagError(f"The name {word!r} cannot be used: a name has 1 to 80 printable characters.")
    for other in taxonomy.givable():
        shared = {w.casefold() for w in tag.words()} & {w.casefold() for w in other.words()}
        if other.id != tag.id and shared:
            raise TagError(f"{sorted(shared)[0]!r} is already a name of the tag {other.name()!r} ({other.id}).")


def read_taxonomy(path: Path = STARTER) -> Taxonomy:
    """Read a taxonomy file.

    Raises:
        TagError: The file is missing or not of the expected form.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        return _parse(data)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise TagError(f"{path} is no taxonomy file: {type(error).__name__}: {error}.") from error


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
