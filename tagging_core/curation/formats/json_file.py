"""JSON import and export, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tagging_core.curation.formats.json_text import parse_json
from tagging_core.curation.formats.rows import File, Row, read_state, read_target
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Category, Tag, Taxonomy, as_payload


def write(taxonomy: Taxonomy) -> str:
    """Return JSON with all categories and tags."""
    sections: dict[str, Iterable[Category | Tag]] = {
        "categories": taxonomy.categories.values(),
        "tags": taxonomy.tags.values(),
    }
    hidden = ("position", "merged_after")
    payload = {
        name: [{k: v for k, v in as_payload(item).items() if k not in hidden} for item in found]
        for name, found in sections.items()
    }
    return json.dumps(payload, ensure_ascii=False, indent=1)


def read(text: str) -> File:
    """Parse JSON of the form that `write` returns; only `tags` is required.

    Raises:
        ImportRefusedError: Lists each invalid tag.
    """
    data = parse_json(text)
    if not isinstance(data, dict) or not isinstance(data.get("tags"), list):
        raise ImportRefusedError({1: "expected an object with a list 'tags' and, optionally, a list 'categories'"})
    problems: dict[int, str] = {}
    categories, rows = [], []
    try:
        for entry in data.get("categories", []):
            categories.append(Category(**{k: v for k, v in entry.items() if k not in ("position", "state")}))
    except (TypeError, AttributeError) as error:
        raise ImportRefusedError({1: f"invalid category: {error}"}) from error
    for number, entry in enumerate(data["tags"], start=1):
        try:
            rows.append(_json_row(number, entry))
        except (ValueError, TypeError, AttributeError) as error:
            problems[number] = str(error)
    if problems:
        raise ImportRefusedError(problems, "tag")
    return File(rows, categories, unit="tag")


def _json_row(number: int, entry: dict[str, Any]) -> Row:
    names = entry.get("names")
    if not isinstance(names, dict) or not all(isinstance(v, str) for v in names.values()):
        raise ValueError("'names' must map language codes to names")
    aliases = entry.get("aliases")
    if aliases is not None and not _lists_of_words(aliases):
        raise ValueError("'aliases' must map language codes to lists of words")
    own = entry.get("own_prompts")
    if own is not None and not _lists_of_words(own):
        raise ValueError("'own_prompts' must map model names to lists of descriptions")
    if not isinstance(entry.get("definition") or "", str):
        raise ValueError("'definition' must be a text")
    if not _words(entry.get("prompts") or []):
        raise ValueError("'prompts' must be a list of descriptions")
    unknown = entry.keys() - Tag.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
    return Row(
        line=number,
        id=str(entry.get("id") or ""),
        category=str(entry.get("category_id") or ""),
        names=names,
        aliases=aliases,
        definition=entry.get("definition"),
        prompts=entry.get("prompts"),
        own_prompts=own,
        parent=(entry["parent_id"] or "") if "parent_id" in entry else None,
        state=read_state(entry["state"]) if entry.get("state") else None,
        merged_into=entry.get("merged_into"),
        sensitive=entry.get("sensitive"),
        target=read_target(entry["target"]) if entry.get("target") is not None else None,
        uri=str(entry.get("uri") or ""),
    )


def _words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def _lists_of_words(value: object) -> bool:
    return isinstance(value, dict) and all(_words(words) for words in value.values())
