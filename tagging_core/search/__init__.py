"""Search: assets by text, tags and example pictures, in any combination."""

from __future__ import annotations

from tagging_core.search.filters import ANY, Filters
from tagging_core.search.query import Query, read_query
from tagging_core.search.searcher import Found, Hit, Searcher

__all__ = ["ANY", "Filters", "Found", "Hit", "Query", "Searcher", "read_query"]
