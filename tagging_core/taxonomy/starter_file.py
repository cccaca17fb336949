"""Reads YAML taxonomy files, such as the starter library."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tagging_core.errors import TagError
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy

STARTER = Path(__file__).parents[2] / "data" / "taxonomy" / "starter.yaml"


@cache
def read_taxonomy(path: Path = STARTER) -> Taxonomy:
    """Read a YAML taxonomy file; cached, as parsing takes half a second and the bundled files never change.

    Raises:
        TagError: The file is missing or malformed.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
        return _parse(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise TagError(f"{path} is not a valid taxonomy file: {type(error).__name__}: {error}.") from error


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


def with_known_synonyms(tag: Tag, starter: Taxonomy) -> Tag:
    """Copy the prompts of the starter taxonomy's tag of the same name or alias to a tag without prompts.

    Applied to every new tag, in the console as in the benchmarks, so that "trousers" is always embedded as "pants,
    trousers, jeans". Names are compared without case, spaces and punctuation.
    """
    if tag.prompts:
        return tag
    name = _normalize(tag.name("en"))
    for known in starter.tags.values():
        if name in {_normalize(word) for word in [known.name("en"), *known.aliases.get("en", [])]}:
            return replace(tag, prompts=known.prompts)
    return tag


def _normalize(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())
