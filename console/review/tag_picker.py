"""Finding any tag by typing: all names and aliases in all languages, typos allowed; a new one can be proposed."""

from __future__ import annotations

import streamlit as st

from console import session
from console.review import actions, components
from tagging_core.taxonomy import matching
from tagging_core.taxonomy.model import Tag, Taxonomy

state = st.session_state
_HITS = 8


@st.fragment
def draw_picker() -> None:
    """Draw the field; while somebody types, nothing else is drawn anew."""
    taxonomy = session.loop().taxonomy()
    replacing = state["review_replacing"]
    query = components.typed()
    hits = [taxonomy.tags[tag_id] for tag_id in _find(taxonomy.revision, query, taxonomy)]
    components.draw_finder(
        f"In place of {session.tag_label(taxonomy.tags[replacing])} ..." if replacing else "Type any tag ( / )",
        query,
        [_hit(tag, query, taxonomy.categories[tag.category_id].name(session.language())) for tag in hits],
        exact=any(query.casefold() in {word.casefold() for word in tag.words()} for tag in hits),
        focus=state["review_focus_pick"],
        on_pick=actions.pick,
    )


@st.cache_data(max_entries=500, show_spinner=False)
def _find(revision: int, query: str, _taxonomy: Taxonomy) -> list[str]:
    """Ids of the tags that fit; the field keeps its last query, which no key press should look up again."""
    del revision  # it is what the result is kept under
    return [tag.id for tag in matching.find_tags(_taxonomy, query, limit=_HITS)]


def _hit(tag: Tag, query: str, category: str) -> dict[str, str]:
    """A tag as the list shows it: its name, what it was found by if that is another name, and its category."""
    name = session.tag_label(tag)
    other = next((w for w in tag.words() if w.casefold().startswith(query.casefold())), "")
    found_by = f"{other} · " if other and other != name else ""
    state_of = " · proposed" if tag.state == "proposed" else ""
    return {"id": tag.id, "text": name, "note": found_by + category + state_of}
