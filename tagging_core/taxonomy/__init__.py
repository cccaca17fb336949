"""Categories, tags, profiles and redirects as plain data, without SQL."""

from __future__ import annotations

from tagging_core.taxonomy.matching import TagNames, find_tags, same_word
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy
from tagging_core.taxonomy.redirects import TagRedirects
from tagging_core.taxonomy.starter_file import read_taxonomy

__all__ = [
    "Category",
    "Profile",
    "Tag",
    "TagNames",
    "TagRedirects",
    "Taxonomy",
    "find_tags",
    "read_taxonomy",
    "same_word",
]
