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


def hits(query: str | None) -> dict[str, Any] | None:
    """Return what the search field lists for a query; for an empty one, tags used last and sets that recur.

    Args:
        query: What was typed; None while nobody is in the field, which then costs nothing.
    """
    if query is None:
        return None
    taxonomy = session.loop().taxonomy()
    if query:
        found = session.loop().curation.tag_finder().find(query, limit=_MAX_HITS, recent=recent())
        rows = [_row(hit, taxonomy) for hit in found]
        return {"query": query, "exact": any(hit.exact for hit in found), "hits": rows}
    assignable = {tag.id: tag for tag in taxonomy.assignable()}
    known = [TagHit(assignable[t], "", False, False) for t in recent() if t in assignable]
    sets = [row for tags in session.loop().review.record.tag_sets() if (row := _set_row(tags, taxonomy))]
    return {"query": "", "exact": False, "hits": sets + [_row(hit, taxonomy) for hit in known[:_MAX_HITS]]}


def recent() -> list[str]:
    """Return the tags used last, the latest first: by this session, then by anybody."""
    own: list[str] = st.session_state["review_recent"]
    return list(dict.fromkeys([*own, *session.loop().review.record.recent_tags()]))


def remember(tag_id: str) -> None:
    """Put a tag in front of those used last."""
    st.session_state["review_recent"] = list(dict.fromkeys([tag_id, *st.session_state["review_recent"]]))[:50]


def _row(hit: TagHit, taxonomy: Taxonomy) -> dict[str, Any]:
    about = deck_data.tag_data(hit.tag, taxonomy)
    alias = f"{hit.word} · " if hit.word and hit.word not in (about["name"], session.tag_label(hit.tag)) else ""
    return {
        "tags": {hit.tag.id: about},
        "name": about["name"],
        "note": alias + about["group"],
        "typo": hit.typo,
    }


def _set_row(tag_ids: tuple[str, ...], taxonomy: Taxonomy) -> dict[str, Any] | None:
    """A row that gives several tags at once; None if one of them cannot be given."""
    if any((tag := taxonomy.tags.get(t)) is None or tag.state != "active" or tag.sensitive for t in tag_ids):
        return None
    about = {tag_id: deck_data.tag_data(taxonomy.tags[tag_id], taxonomy) for tag_id in tag_ids}
    return {"tags": about, "name": " + ".join(each["name"] for each in about.values()), "note": "often together"}
