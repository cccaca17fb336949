"""Categories, tags, profiles and redirects as plain data, without SQL."""

from __future__ import annotations

from tagging_core.taxonomy.matching import TagNames, same_word
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy
from tagging_core.taxonomy.redirects import TagRedirects
from tagging_core.taxonomy.starter_file import read_taxonomy
from tagging_core.taxonomy.tag_finder import TagFinder, TagHit

__all__ = [
    "Category",
    "Profile",
    "Tag",
    "TagFinder",
    "TagHit",
    "TagNames",
    "TagRedirects",
    "Taxonomy",
    "read_taxonomy",
    "same_word",
]
