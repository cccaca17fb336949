"""Query parsing: tag names, in any language, and the remaining words, which are embedded."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tagging_core.common.folding import compose
from tagging_core.taxonomy.matching import TagNames
from tagging_core.taxonomy.model import Taxonomy

_FILLERS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "and",
        "or",
        "with",
        "in",
        "on",
        "at",
        "by",
        "for",
        "to",
        "from",
        "is",
        "are",
        "some",
        "any",
        "my",
        "our",
        "picture",
        "pictures",
        "photo",
        "photos",
        "image",
        "images",
        "photograph",
        "photographs",
        "showing",
        "show",
    ]
)
_CHINESE_FILLERS = re.compile("的照片|的图片|照片|图片|一张|一个|一件|一只|[的和与在有了]")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query.

    Attributes:
        text: The input, with whitespace collapsed and accents composed.
        phrase: The text without filler words.
        groups: For each tag name in the text, its tags and their descendants, any of which matches.
        rest: The words that are not tag names, without fillers.
    """

    text: str
    phrase: str
    groups: tuple[tuple[str, ...], ...]
    rest: str

    @property
    def tag_ids(self) -> list[str]:
        """The tags of all groups, without duplicates."""
        return list(dict.fromkeys(tag_id for group in self.groups for tag_id in group))


def read_query(names: TagNames, taxonomy: Taxonomy, text: str) -> Query:
    """Split a query into tag names and remaining words.

    Args:
        names: The names to recognize, usually those of the active tags.
        taxonomy: The taxonomy of these names, for descendants of the tags.
        text: What the user typed; may be empty.

    Returns:
        The parsed query; its groups are in the order in which they are mentioned.
    """
    text = compose(" ".join(text.split()))
    groups: list[tuple[str, ...]] = []
    rest, end = [], 0
    for place in names.find(text):
        meant = tuple(dict.fromkeys(t for tag_id in place.tag_ids for t in taxonomy.with_children(tag_id)))
        if meant not in groups:
            groups.append(meant)
        rest.append(text[end : place.start])
        end = place.end
    rest.append(text[end:])
    return Query(text, _without_fillers(text), tuple(groups), _without_fillers(" ".join(rest)))


def _without_fillers(text: str) -> str:
    text = _CHINESE_FILLERS.sub(" ", text)
    return " ".join(word for word in text.split() if word.casefold().strip(".,;:!?'\"，。") not in _FILLERS | {""})
