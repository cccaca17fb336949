"""Finding tags for the search fields of the review page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import session
from console.review import deck_data
from tagging_core.taxonomy import Taxonomy
from tagging_core.taxonomy.tag_finder import TagHit

_MAX_HITS = 8


def best(text: str) -> TagHit | None:
    """Return the tag that text means without doubt: by its name, an alias or the beginning of one, never a typo."""
    found = session.loop().curation.tag_finder().find(text, limit=1, recent=recent())
    return found[0] if found and not found[0].typo else None


def hits(query: str) -> dict[str, Any]:
    """Return what the search field lists for a query; for none, the tags used last."""
    taxonomy = session.loop().taxonomy()
    if query:
        found = session.loop().curation.tag_finder().find(query, limit=_MAX_HITS, recent=recent())
    else:
        found = [TagHit(taxonomy.tags[t], "", False, False) for t in recent()[:_MAX_HITS] if t in taxonomy.tags]
    return {
        "query": query,
        "exact": any(hit.exact for hit in found),
        "hits": [_row(hit, taxonomy) for hit in found],
    }


def recent() -> list[str]:
    """Return the tags this session used last, the latest first."""
    used: list[str] = st.session_state["review_recent"]
    return used


def remember(tag_id: str) -> None:
    """Put a tag in front of those used last."""
    st.session_state["review_recent"] = [tag_id, *(t for t in recent() if t != tag_id)][:50]


def _row(hit: TagHit, taxonomy: Taxonomy) -> dict[str, Any]:
    about = deck_data.tag_data(hit.tag, taxonomy)
    alias = f"{hit.word} · " if hit.word and hit.word not in (about["name"], session.tag_label(hit.tag)) else ""
    return {
        "tag": hit.tag.id,
        "name": about["name"],
        "note": alias + about["group"],
        "typo": hit.typo,
        "about": about,
    }
