"""Generates a title, a caption and an alt text from tags, with templates for English and Chinese."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tagging_core.assets.repository import NO_TEXT, AssetText
from tagging_core.errors import SearchError
from tagging_core.taxonomy.model import LANGUAGES, Tag

PHRASING = Path(__file__).parents[2] / "data" / "taxonomy" / "phrasing.yaml"

_LIMITS = {
    "what": 3,
    "worn": 3,
    "quality": 3,
    "having": 2,
    "place": 2,
    "aim": 2,
    "of": 1,
    "air": 2,
    "light": 2,
}
"""Maximum number of phrases by sentence part."""

_MAX_ALT = 140  # characters; screen readers read an alt text without a break
_ORDER = ("feature.plain", "colour", "feature", "material", "audience")
"""Tags and categories in order of mention; all others come last."""

_AND = {"en": " and ", "zh": "和"}
_PEOPLE = ("subject.person", "subject.group", "subject.child")
_PLURAL = ("trousers", "shoes", "shorts", "socks", "swimwear", "underwear")
_Parts = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Description:
    """A picture's title, caption and alt text; parts may be empty.

    Attributes:
        title: A few words without a full stop.
        caption: One or two sentences.
        alt: One sentence on what the picture shows, about 140 characters at most.
    """

    language: str
    title: str = ""
    caption: str = ""
    alt: str = ""


def phrase(tags: Sequence[Tag], language: str = "en", text: AssetText = NO_TEXT) -> Description:
    """Describe a picture.

    Args:
        tags: The picture's tags, most certain first.
        language: One of `taxonomy.model.LANGUAGES`.
        text: Accompanying text; its title and caption take precedence over generated ones.

    Raises:
        SearchError: The language is not supported.
    """
    if language not in LANGUAGES:
        raise SearchError(f"The language {language!r} is not supported; choose one of {', '.join(LANGUAGES)}.")
    parts = _parts(tags, language)
    title, scene, mood = (_chinese if language == "zh" else _english)(parts)
    sentence = "" if not scene else scene + ("。" if language == "zh" else ".")
    caption = text.caption or (sentence + mood if language == "zh" else " ".join(s for s in (sentence, mood) if s))
    return Description(language, text.title or title, caption, sentence or text.caption[:_MAX_ALT] or text.title)


def _parts(tags: Iterable[Tag], language: str) -> _Parts:
    """Return phrases by sentence part."""
    found: _Parts = defaultdict(list)
    order = {name: place for place, name in enumerate(_ORDER)}
    colours = 0
    for tag in sorted(tags, key=lambda t: order.get(t.id, order.get(t.category_id, len(order)))):
        part, words = _words(tag, language)
        colours += tag.category_id == "colour"
        if tag.category_id == "colour" and colours > 1:
            if colours == 2:
                found[part][-1] += _AND[language] + words
            continue
        if len(found[part]) < _LIMITS[part] and words not in found[part]:
            found[part].append(words)
        if tag.id in _PEOPLE and part == "what":
            found["people"].append(words)
    return found


def _words(tag: Tag, language: str) -> tuple[str, str]:
    """Return the sentence part and the phrase of a tag."""
    frame = _frames().get(tag.category_id, {"part": "having", "en": "with {}", "zh": "有{}"})
    if pair := frame.get("quality", {}).get(tag.id):
        return "quality", pair[LANGUAGES.index(language)]
    if own := frame.get("tags", {}).get(tag.id, {}).get(language):
        return frame["part"], own
    name = tag.name(language)
    if language == "en":
        name = name if frame.get("names") else name.lower()
        if frame["part"] in ("what", "worn") and not frame.get("plain"):
            name = _with_article(name)
    return frame["part"], frame.get(language, "{}").format(name)


def _english(parts: _Parts) -> tuple[str, str, str]:
    """Return title, scene without its full stop, and a sentence on mood and colours."""
    shown = _english_subject(parts)
    having = f"with {_listed([w.removeprefix('with ') for w in parts['having']], 'and')}" if parts["having"] else ""
    aim = " and ".join(parts["aim"])
    tail = [w for w in (having, *parts["place"], *parts["of"]) if w]
    scene = " ".join([shown, *tail]) + ("" if not aim else f", {aim}" if tail else f" {aim}")
    title = " ".join(w for w in (shown, having, *parts["aim"][:1]) if w)
    return _capital(_without_article(title)), _capital(scene), _english_mood(parts)


def _english_subject(parts: _Parts) -> str:
    if parts["worn"]:
        worn = _listed([_qualified(parts["worn"][0], parts["quality"]), *parts["worn"][1:]], "and")
        return f"{_listed(parts['people'], 'and')} wearing {worn}" if parts["people"] else worn
    if parts["what"]:
        return _listed([_qualified(parts["what"][0], parts["quality"]), *parts["what"][1:]], "and")
    if parts["quality"] or parts["having"]:
        return _qualified("an item", parts["quality"])
    return "a scene" if parts["place"] else "a picture" if any(parts.values()) else ""


def _english_mood(parts: _Parts) -> str:
    clauses = [f"the mood is {_listed(parts['air'], 'and')}"] if parts["air"] else []
    clauses += [f"the colours are {_listed(parts['light'], 'and')}"] if parts["light"] else []
    return _capital(", ".join(clauses)) + "." if clauses else ""


def _chinese(parts: _Parts) -> tuple[str, str, str]:
    qualities = "".join(
        word.removesuffix("色") + "色" if word.endswith("色") else word for word in parts["quality"]
    )
    things = parts["worn"] or parts["what"]
    nothing = f"{qualities}{'物品' if qualities else '画面'}" if any(parts.values()) else ""
    shown = qualities + "和".join(things) if things else nothing
    if parts["worn"] and parts["people"]:
        shown = f"{'和'.join(parts['people'])}身穿{shown}"
    scene = "，".join(w for w in [shown, *parts["having"], *parts["place"], *parts["aim"], *parts["of"]] if w)
    title = "，".join(w for w in [shown, *parts["having"][:1], *parts["aim"][:1]] if w)
    clauses = [f"氛围{'、'.join(parts['air'])}"] if parts["air"] else []
    clauses += [f"画面{'、'.join(parts['light'])}"] if parts["light"] else []
    return title, scene, "，".join(clauses) + "。" if clauses else ""


def _qualified(thing: str, qualities: list[str]) -> str:
    """Insert qualities between article and noun."""
    if not qualities:
        return thing
    noun = _without_article(thing)
    worded = " ".join([*qualities, noun])
    return _with_article(worded) if noun != thing else worded


def _listed(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _with_article(noun: str) -> str:
    if noun.startswith(("a ", "an ", "the ")) or noun.endswith(_PLURAL):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _without_article(text: str) -> str:
    for article in ("a ", "an ", "the "):
        if text.startswith(article):
            return text[len(article) :]
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def _frames() -> dict[str, Any]:
    return dict(yaml.safe_load(PHRASING.read_text("utf-8")))
