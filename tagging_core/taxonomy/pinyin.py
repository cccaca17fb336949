"""Latin spellings of Chinese words, as they are typed: full pinyin and initials."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache

HAN = re.compile("[㐀-鿿豈-﫿𠀀-𲎯]")
"""A Chinese character."""

_MAX_SPELLINGS = 32
"""A word with more gets only the first reading of its later characters."""


@lru_cache(maxsize=200_000)
def spellings(word: str) -> tuple[str, ...]:
    """Return how a word may be typed in pinyin, without tones and spaces.

    All readings of a character count, since the usual one in a word is often not the first of a dictionary.

    Args:
        word: A word in any script; characters that are not Chinese stay as they are.

    Returns:
        Full pinyin and initials, such as `lianyiqun` and `lyq` for 连衣裙; none without Chinese characters.
    """
    if not HAN.search(word):
        return ()
    readings = [_readings(character) for character in word]
    initials = [
        tuple(dict.fromkeys(reading[0] for reading in options)) if HAN.match(character) else options
        for character, options in zip(word, readings, strict=True)
    ]
    return tuple(dict.fromkeys([*_combinations(readings), *_combinations(initials)]))


@lru_cache(maxsize=50_000)
def _readings(character: str) -> tuple[str, ...]:
    if not HAN.match(character):
        return (character,)
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # 44 MB that single characters do not need
    from pypinyin import Style, pinyin  # takes 0.1 s and 13 MB, and few processes search for tags

    found = pinyin(character, style=Style.NORMAL, heteronym=True)[0]
    # ü is typed as v in input methods, and compared without its dots
    return tuple(dict.fromkeys(way for reading in found for way in (reading, reading.replace("v", "u"))))


def _combinations(options: Sequence[Sequence[str]]) -> list[str]:
    found = [""]
    for each in options:
        usable = each if len(found) * len(each) <= _MAX_SPELLINGS else each[:1]
        found = [start + part for start in found for part in usable]
    return found
