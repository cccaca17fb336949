"""Match text against tag names and aliases in all languages: exact mentions and fuzzy search."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tagging_core.taxonomy.model import Tag

_ACCENTS = range(200, 241)
"""Combining classes of accents in Latin, Greek and Cyrillic. Vowel signs and Japanese voicing marks have other
classes; they must be kept, because removing them gives a different word."""


_WORD = re.compile(r"[一-鿿]|[^\W_一-鿿]+")
"""One Chinese character, as Chinese has no spaces between words, or a run of letters and digits."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A mention of a tag in a text.

    Attributes:
        start: Index of the first character.
        end: Index after the last character.
        tag_ids: The tags with this name or alias; several if the name is ambiguous.
    """

    start: int
    end: int
    tag_ids: tuple[str, ...]


class TagNames:
    """An index of tag names and aliases for finding them in a text.

    Args:
        tags: The tags to find.
    """

    def __init__(self, tags: Iterable[Tag]) -> None:
        found: dict[tuple[str, ...], dict[str, None]] = {}
        for tag in tags:
            for word in tag.words():
                if parts := tuple(w for w, _, _ in _words(unicodedata.normalize("NFC", word))):
                    found.setdefault(parts, {})[tag.id] = None
        self._tags = {parts: tuple(ids) for parts, ids in found.items()}
        self._longest = max(map(len, self._tags), default=0)

    def find(self, text: str) -> list[NameMatch]:
        """Return the mentions of tags in a text; English plurals match singular names.

        Args:
            text: Any text; case is ignored.

        Returns:
            Mentions from left to right without overlaps, the longest possible at each place; their positions are
            those in the composed text (NFC).
        """
        words = list(_words(unicodedata.normalize("NFC", text)))
        matches: list[NameMatch] = []
        place = 0
        while place < len(words):
            length, tag_ids = self._longest_match(words, place)
            if tag_ids:
                matches.append(NameMatch(words[place][1], words[place + length - 1][2], tag_ids))
            place += length
        return matches

    def _longest_match(self, words: list[tuple[str, int, int]], place: int) -> tuple[int, tuple[str, ...]]:
        for length in range(min(self._longest, len(words) - place), 0, -1):
            parts = tuple(w for w, _, _ in words[place : place + length])
            for last in singulars(parts[-1]):
                if tag_ids := self._tags.get((*parts[:-1], last)):
                    return length, tag_ids
        return 1, ()


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _WORD.finditer(text):
        yield match.group().casefold(), match.start(), match.end()


def singulars(word: str) -> Iterator[str]:
    """Yield the word itself, then what it may be the English plural of."""
    yield word
    if len(word) > 3 and word.isascii() and word.endswith("s"):
        yield word[:-1]
        if word.endswith("ies"):
            yield word[:-3] + "y"
        elif word.endswith("es"):
            yield word[:-2]


@lru_cache(maxsize=200_000)
def same_word(word: str) -> str:
    """Normalize a word so that differences in case, width, accents and spacing disappear.

    Args:
        word: A word or phrase in any script.

    Returns:
        A key for comparison, equal for words that count as the same; not for display.
    """
    letters = unicodedata.normalize("NFKD", word)
    bare = "".join(c for c in letters if unicodedata.combining(c) not in _ACCENTS)
    return " ".join(unicodedata.normalize("NFKC", bare.casefold()).split())
