"""Find tags by what somebody types: a name or alias, a part of one, its pinyin, or something similar."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from rapidfuzz import fuzz, process

from tagging_core.taxonomy.matching import same_word, singulars
from tagging_core.taxonomy.model import Tag, Taxonomy
from tagging_core.taxonomy.pinyin import HAN, spellings

_SIMILAR = 85.0
"""rapidfuzz ratio in [0, 100] above which a word is taken for a typo of another."""

_SHORTER = _SIMILAR / (200 - _SIMILAR)
"""Length of the shorter of two words, relative to the longer, from which they can be that similar."""

_SHORTEST_TYPO = 4
"""Letters from which typos are looked for: with one letter of three exchanged, most words are similar."""

_IGNORED = frozenset("ZPC")
"""Unicode categories without a letter, digit or sign: spaces, punctuation and control characters."""


@dataclass(frozen=True, slots=True)
class TagHit:
    """A tag that was found.

    Attributes:
        word: The name or alias that matched, as written in the taxonomy.
        exact: The query is this name or alias; case, accents and width are ignored.
        typo: The word is only similar to the query; a program must not choose it for the user.
    """

    tag: Tag
    word: str
    exact: bool
    typo: bool


class _Match(IntEnum):
    """How a word matches a query, best first."""

    WHOLE = 0
    PREFIX = 1
    WORD_PREFIX = 2
    PINYIN = 3
    PINYIN_PREFIX = 4
    SUBSTRING = 5
    TYPO = 6


class _Word(NamedTuple):
    """A name or alias of the tag at a position of the taxonomy."""

    position: int
    tag: Tag
    text: str
    alias: bool
    key: str


class _Found(NamedTuple):
    word: _Word
    match: _Match
    distance: float = 0.0


class TagFinder:
    """An index of the tags of a taxonomy for finding them while somebody types; immutable, so thread-safe.

    Args:
        taxonomy: The taxonomy; merged tags are not indexed.

    Attributes:
        taxonomy: The same.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._assignable = frozenset(tag.id for tag in taxonomy.assignable())
        self._words = sorted(_words(taxonomy.unmerged()), key=lambda word: word.key)
        self._keys = [word.key for word in self._words]
        self._pinyin = sorted((way, n) for n, key in enumerate(self._keys) for way in spellings(key))
        # One long text is searched several times faster than each of its words.
        self._text = "\n".join([*self._keys, ""])
        self._starts = [0, *accumulate(len(key) + 1 for key in self._keys)]
        self._similar: dict[str, list[int]] = {}
        for n, word in enumerate(self._words):
            for part in {word.key, *_parts(word.text)}:
                if len(part) >= _SHORTEST_TYPO - 1:
                    self._similar.setdefault(part, []).append(n)
        self._by_length = sorted(self._similar, key=len)

    def find(
        self, query: str, *, limit: int = 8, recent: Sequence[str] = (), within: Iterable[Tag] | None = None
    ) -> list[TagHit]:
        """Search names and aliases in all languages.

        Args:
            query: What was typed. Case, accents, width, spaces and punctuation are ignored; an empty query matches
                nothing.
            limit: Maximum number of tags.
            recent: Ids of tags used lately, latest first; they come first among equal matches.
            within: Tags to search instead of all assignable ones.

        Returns:
            Tags without duplicates, best match first: the whole name or alias, its beginning, the beginning of a
            word in it, its pinyin, any part of it, and last what is only similar. In each of these, names precede
            aliases.
        """
        key = "".join(_parts(query))
        if not key:
            return []
        ids = self._assignable if within is None else frozenset(tag.id for tag in within)
        order = _Order(same_word(query), {tag_id: n for n, tag_id in reversed(list(enumerate(recent)))})
        best: dict[str, tuple[tuple[float, ...], _Found]] = {}
        for search in (self._prefixed, self._inside, self._similar_to):
            for found in search(key):
                tag_id = found.word.tag.id
                if tag_id in ids:
                    rank = order.of(found)
                    if tag_id not in best or rank < best[tag_id][0]:
                        best[tag_id] = rank, found
            if len(best) >= limit:
                break  # later searches find only worse matches
        hits = [found for _, found in sorted(best.values(), key=lambda x: x[0])[:limit]]
        return [TagHit(f.word.tag, f.word.text, order.is_exact(f), f.match == _Match.TYPO) for f in hits]

    def _prefixed(self, key: str) -> Iterator[_Found]:
        for n in range(bisect_left(self._keys, key), len(self._keys)):
            if not self._keys[n].startswith(key):
                return
            yield _Found(self._words[n], _Match.WHOLE if self._keys[n] == key else _Match.PREFIX)

    def _inside(self, key: str) -> Iterator[_Found]:
        yield from self._spelled(key)
        yield from self._containing(key)

    def _spelled(self, key: str) -> Iterator[_Found]:
        for n in range(bisect_left(self._pinyin, (key, 0)), len(self._pinyin)):
            way, word = self._pinyin[n]
            if not way.startswith(key):
                return
            yield _Found(self._words[word], _Match.PINYIN if way == key else _Match.PINYIN_PREFIX)

    def _containing(self, key: str) -> Iterator[_Found]:
        place = self._text.find(key)
        while place >= 0:
            n = bisect_right(self._starts, place) - 1
            yield _Found(self._words[n], _match_inside(self._words[n], key))
            place = self._text.find(key, self._starts[n + 1])

    def _similar_to(self, key: str) -> Iterator[_Found]:
        if len(key) < _SHORTEST_TYPO:
            return
        for single in singulars(key):
            yield from (_Found(self._words[n], _Match.TYPO) for n in self._similar.get(single, ()))
        first = bisect_left(self._by_length, len(key) * _SHORTER, key=len)
        last = bisect_right(self._by_length, len(key) / _SHORTER, key=len)
        words = self._by_length[first:last]
        similar = process.extract(key, words, scorer=fuzz.ratio, score_cutoff=_SIMILAR, limit=None)
        for part, ratio, _ in similar:
            if ratio > _SIMILAR:
                yield from (_Found(self._words[n], _Match.TYPO, 100 - ratio) for n in self._similar[part])


class _Order:
    """The order of what a query finds."""

    def __init__(self, query: str, recency: dict[str, int]) -> None:
        self._query, self._recency = query, recency

    def is_exact(self, found: _Found) -> bool:
        return found.match == _Match.WHOLE and same_word(found.word.text) == self._query

    def of(self, found: _Found) -> tuple[float, ...]:
        """Return the sort key of a match; smaller is better."""
        word = found.word
        lately = self._recency.get(word.tag.id, len(self._recency))
        inexact = not self.is_exact(found)
        return found.match, inexact, word.alias, found.distance, lately, len(word.key), word.position


def _words(tags: Iterable[Tag]) -> Iterator[_Word]:
    for position, tag in enumerate(tags):
        names, aliases = list(tag.names.values()), [word for words in tag.aliases.values() for word in words]
        for alias, texts in ((False, names), (True, aliases)):
            for text in texts:
                if key := "".join(_parts(text)):
                    yield _Word(position, tag, text, alias, key)


class _Separated(dict[int, str]):
    """A table for `str.translate` that spaces the words of a text, each Chinese character being one."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if unicodedata.category(letter)[0] in _IGNORED:
            letter = " "
        elif HAN.match(letter):
            letter = f" {letter} "
        return self.setdefault(code, letter)


_SEPARATED = _Separated()


@lru_cache(maxsize=200_000)  # a change of the taxonomy leaves most words as they are
def _parts(text: str) -> tuple[str, ...]:
    """Return the normalized words of a text; of a text without any, its punctuation."""
    same = same_word(text)
    return tuple(same.translate(_SEPARATED).split() or same.split())


def _match_inside(word: _Word, key: str) -> _Match:
    """Return how a word matches a key that it contains."""
    parts = _parts(word.text)
    starts = ("".join(parts[n:]) for n in range(len(parts)))
    return _Match.WORD_PREFIX if any(start.startswith(key) for start in starts) else _Match.SUBSTRING
