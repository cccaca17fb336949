"""Tag search over names and aliases in all languages, tolerant of typos; new tags can be proposed."""

from __future__ import annotations

import streamlit as st

from console import session
from console.review import actions, components
from tagging_core.taxonomy import Tag, Taxonomy, matching

state = st.session_state
_MAX_HITS = 8


@st.fragment
def draw_picker() -> None:
    """Draw the field; it is a fragment, so that typing reruns nothing else."""
    taxonomy = session.loop().taxonomy()
    replacing = state["review_replacing"]
    query = components.typed()
    hits = [taxonomy.tags[tag_id] for tag_id in _find(taxonomy.revision, query, taxonomy)]
    components.draw_finder(
        f"Replace {session.tag_label(taxonomy.tags[replacing])} with ..." if replacing else "Type any tag ( / )",
        query,
        [_hit(tag, query, taxonomy.categories[tag.category_id].name(session.language())) for tag in hits],
        exact=any(query.casefold() in {word.casefold() for word in tag.words()} for tag in hits),
        focus=state["review_focus_pick"],
        on_pick=actions.pick,
    )


@st.cache_data(max_entries=500, show_spinner=False)
def _find(revision: int, query: str, _taxonomy: Taxonomy) -> list[str]:
    """Return ids of matching tags; cached, because the last query would run again with every rerun."""
    del revision  # only a cache key
    return [tag.id for tag in matching.find_tags(_taxonomy, query, limit=_MAX_HITS)]


def _hit(tag: Tag, query: str, category: str) -> dict[str, str]:
    """Return a list entry: the tag's name, the matched alias if it differs, and the category."""
    name = session.tag_label(tag)
    other = next((w for w in tag.words() if w.casefold().startswith(query.casefold())), "")
    found_by = f"{other} · " if other and other != name else ""
    state_of = " · proposed" if tag.state == "proposed" else ""
    return {"id": tag.id, "text": name, "note": found_by + category + state_of}
