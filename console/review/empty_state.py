"""The review page's empty state: why there is nothing to review, and what to do next."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from console import page_paths, session
from console.review import state as review_state
from tagging_core.review.agreement import Hint

state = st.session_state


def draw_empty() -> None:
    """Say why there is no picture, and link to where there are some."""
    view, user = review_state.view(), session.current_user()
    here = session.loop().review.progress(view.batch_id)
    everywhere = session.loop().review.progress()
    held = session.loop().review.assigner.held_by_others(user, view)
    others = Counter(held.values())
    if not everywhere.total:
        st.info("There are no pictures yet. Upload some, or use the sample photos.")
        st.page_link(page_paths.UPLOAD, label="Upload pictures", icon=":material/upload:")
    elif view.state == "new" and here.waiting and others:
        _draw_held(others, sorted(held))
    elif view.state == "new":
        st.success("All done here. Nothing is waiting.", icon=":material/celebration:")
        _draw_agreement()
        if view.batch_id and everywhere.waiting:
            st.button(f"Show the {everywhere.waiting:,} waiting elsewhere", on_click=_show_all, type="primary")
        st.page_link(page_paths.UPLOAD, label="Upload more", icon=":material/upload:")
    elif view.state == "second":
        st.info("No picture is waiting for your second opinion.")
    else:
        st.info(f"No pictures are {review_state.SHOW[view.state].lower()} here.")


def _draw_agreement() -> None:
    """Say how the user's tags compare with independent ones, and what differs again and again."""
    found = session.loop().review.record.agreement(session.current_user())
    if found is None:
        return
    st.markdown(
        f"**On {found.pictures} pictures that were also reviewed independently, you and others agreed on "
        f"{found.share:.0%} of the tags** (95 % interval: {found.low:.0%} to {found.high:.0%})."
    )
    for hint in found.hints:
        st.markdown(f"- {session.plain(_hint(hint))} ({hint.cases} times)")


def _hint(hint: Hint) -> str:
    taxonomy = session.loop().taxonomy()
    if hint.kind == "missed":
        return f"Often missed: {taxonomy.categories[hint.items[0]].name(session.language())}"
    names = [session.tag_label(taxonomy.tags[tag_id]) for tag_id in hint.items]
    if hint.kind == "extra":
        return f"Often given by you alone: {names[0]}"
    return f"Confused: you say {names[0]}, others {names[1]}"


def _draw_held(others: Counter[str], held: list[int]) -> None:
    names = ", ".join(f"{session.plain(name)} ({n})" for name, n in others.most_common())
    st.info(f"All waiting pictures are open elsewhere: {names}.", icon=":material/lock:")
    with st.container(horizontal=True):
        st.button(
            "Check again",
            type="primary",
            help="They are released when the reviewer moves on, or after ten minutes",
        )
        st.button(
            "Open one of them", on_click=review_state.focus, args=(held[0],), help="You can then take it over"
        )


def _show_all() -> None:
    state["review_batch"] = 0
    review_state.restart()
    st.rerun()  # the filters are outside of the fragment that a button reruns
