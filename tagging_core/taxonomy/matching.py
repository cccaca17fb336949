"""Finding tags' names and aliases, in any language, in what people wrote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from tagging_core.taxonomy.model import (
    Tag,
    Taxonomy,
)

_ACCENTS = range(200, 241)
"""Combining classes of marks above and below a letter, as Latin, Greek and Cyrillic have them. Vowel signs and the
voicing marks of Japanese have others: without these, words would be different ones."""


_WORD = re.compile(r"[一-鿿]|[^\W_一-鿿]+")
"""A Chinese character, since Chinese writes no spaces, or a word of letters and digits."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A place of a text that names a tag.

    Attributes:
        start: First character.
        end: The character after the last.
        tag_ids: The tags called so; several where a word has several meanings.
    """

    start: int
    end: int
    tag_ids: tuple[str, ...]


class TagNames:
    """The names and aliases of tags, to be looked for.

    Args:
        tags: Whose names are known.
    """

    def __init__(self, tags: Iterable[Tag]) -> None:
        found: dict[tuple[str, ...], dict[str, None]] = {}
        for tag in tags:
            for word in tag.words():
                if parts := tuple(w for w, _, _ in _words(word)):
                    found.setdefault(parts, {})[tag.id] = None
        self._tags = {parts: tuple(ids) for parts, ids in found.items()}
        self._longest = max(map(len, self._tags), default=0)

    def find(self, text: str) -> list[NameMatch]:
        """The names in a text from left to right, the longest at each place; an English plural counts as well."""
        words = list(_words(text))
        named: list[NameMatch] = []
        place = 0
        while place < len(words):
            length, tag_ids = self._at(words, place)
            if tag_ids:
                named.append(NameMatch(words[place][1], words[place + length - 1][2], tag_ids))
            place += length
        return named

    def _at(self, words: list[tuple[str, int, int]], place: int) -> tuple[int, tuple[str, ...]]:
        for length in range(min(self._longest, len(words) - place), 0, -1):
            parts = tuple(w for w, _, _ in words[place : place + length])
            for last in _singulars(parts[-1]):
                if tag_ids := self._tags.get((*parts[:-1], last)):
                    return length, tag_ids
        return 1, ()


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text):
        yield match.group().casefold(), match.start(), match.end()


def _singulars(word: str) -> Iterator[str]:
    yield word
    if len(word) > 3 and word.isascii() and word.endswith("s"):
        yield word[:-1]
        if word.endswith("ies"):
            yield word[:-3] + "y"
        elif word.endswith("es"):
            yield word[:-2]


def find_tags(taxonomy: Taxonomy, text: str, limit: int = 10, within: Sequence[Tag] | None = None) -> list[Tag]:
    """Tags whose name or alias in any language fits what was typed, typos allowed, best first."""
    words = [
        (w.casefold(), tag) for tag in (taxonomy.assignable() if within is None else within) for w in tag.words()
    ]
    typed = " ".join(text.casefold().split())
    if not typed:
        return []
    scored = process.extract(typed, [w for w, _ in words], scorer=fuzz.WRatio, limit=5 * limit, score_cutoff=70)
    # A name that starts as typed comes before a merely similar one.
    ranked = sorted(scored, key=lambda hit: (not hit[0].startswith(typed), -hit[1], len(hit[0])))
    return list({words[index][1].id: words[index][1] for _, _, index in ranked}.values())[:limit]


@lru_cache(maxsize=200_000)
def same_word(word: str) -> str:
    """A form in which words are equal that differ by case, width, accents or spaces only."""
    letters = unicodedata.normalize("NFKD", word)
    bare = "".join(c for c in letters if unicodedata.combining(c) not in _ACCENTS)
    return " ".join(unicodedata.normalize("NFKC", bare.casefold()).split())
