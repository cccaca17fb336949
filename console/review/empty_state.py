"""What the review page says when there is nothing to show, and what to do about it."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from console import page_paths, session
from console.review import state as place

state = st.session_state


def draw_empty() -> None:
    """Say why no picture comes, and lead to where some are."""
    view, user = place.view(), session.current_user()
    here = session.loop().review.progress(view.batch_id)
    everywhere = session.loop().review.progress()
    held = session.loop().review.assigner.held_by_others(user, view)
    others = Counter(held.values())
    if not everywhere.total:
        st.info("There are no pictures yet. Upload some, or take the sample photos.")
        st.page_link(page_paths.UPLOAD, label="Upload pictures", icon=":material/upload:")
    elif view.state == "new" and here.waiting and others:
        _draw_held(others, sorted(held))
    elif view.state == "new":
        st.success("All done here. Nothing is waiting.", icon=":material/celebration:")
        if view.batch_id and everywhere.waiting:
            st.button(f"Show the {everywhere.waiting:,} that wait elsewhere", on_click=_show_all, type="primary")
        st.page_link(page_paths.UPLOAD, label="Upload more", icon=":material/upload:")
    elif view.state == "second":
        st.info("No picture waits for your second opinion.")
    else:
        st.info(f"No pictures are {place.SHOW[view.state].lower()} here.")


def _draw_held(others: Counter[str], held: list[int]) -> None:
    names = ", ".join(f"{session.plain(name)} ({n})" for name, n in others.most_common())
    st.info(f"What still waits here is open at {names}.", icon=":material/lock:")
    with st.container(horizontal=True):
        st.button(
            "Look again", type="primary", help="They come back when their holders go on, or after ten minutes"
        )
        st.button("Open one of them", on_click=place.show, args=(held[0],), help="You can take it over then")


def _show_all() -> None:
    state["review_batch"] = 0
    place.restart()
    st.rerun()  # the filters lie outside of what runs anew by itself
