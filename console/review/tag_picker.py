"""The tag search field of group mode; the surface of focus mode has its own."""

from __future__ import annotations

import streamlit as st

from console.review import actions, components, tag_search


@st.fragment
def draw_picker() -> None:
    """Draw the field; it is a fragment, so that typing reruns nothing else."""
    query = components.typed()
    found = tag_search.hits(query)
    components.draw_finder(
        "Type any tag ( / )",
        query,
        [{"id": hit["tag"], "text": hit["name"], "note": hit["note"]} for hit in found["hits"]],
        exact=found["exact"],
        on_pick=actions.pick,
    )
