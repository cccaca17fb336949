from __future__ import annotations

import streamlit as st

from pages.common.session import guard, language, loop, show_error
from pages.editors.reviewing import acts, components, dialogs
from pages.editors.reviewing import state as place
from pages.editors.reviewing.focus import draw_focus
from pages.editors.reviewing.grid import draw_grid
from pages.editors.reviewing.groups import draw_groups
from tagging_core import queue
from tagging_core.people import Action

guard(Action.REVIEW)
state = st.session_state
DRAW = {"focus": draw_focus, "grid": draw_grid, "groups": draw_groups}


def draw_filters() -> None:
    taxonomy = loop().taxonomy()
    names = place.batch_names(known)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Batch", list(names), format_func=names.get, key="review_batch", on_change=place.change_batch, width=230
        )
        st.selectbox(
            "Show",
            list(place.SHOW),
            format_func=place.SHOW.get,
            key="review_show",
            on_change=place.restart,
            width=150,
        )
        st.selectbox(
            "Order",
            list(place.ORDERS),
            format_func=place.ORDERS.get,
            key="review_order",
            on_change=place.restart,
            width=190,
        )
        st.selectbox(
            "Profile",
            list(taxonomy.profiles),
            format_func=lambda p: taxonomy.profiles[p].name(language()),
            key="review_profile",
            on_change=place.restart,
            width=150,
        )


def draw_bar() -> None:
    """How far the review has come, and what works in every mode."""
    with loop().database.read() as connection:
        found = queue.progress(connection, state["review_batch"] or None)
    parts = [
        f"{found.done:,} done",
        f"{found.waiting:,} waiting",
        f"{found.skipped:,} skipped",
        *([f"{found.flagged:,} flagged"] if found.flagged else []),
        *([f"{found.second:,} for a second opinion"] if found.second else []),
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.segmented_control(
            "Way of working",
            list(place.MODES),
            format_func=place.MODES.get,
            key="review_mode",
            on_change=place.change_mode,
            required=True,
            label_visibility="collapsed",
        )
        st.progress(found.done / max(1, found.total), text=" · ".join(parts))
        st.button("Accept many", on_click=acts.open_dialog, args=("bulk",), shortcut="B", type="tertiary")
        st.button("Undo", on_click=acts.take_back_last, shortcut="Z", icon=":material/undo:", type="tertiary")
        st.button("My acts", on_click=acts.open_dialog, args=("history",), shortcut="H", type="tertiary")
        st.button("Mode", on_click=place.next_mode, shortcut="M", type="tertiary", help="Focus, grid, groups")
        st.button("Keys ( ? )", on_click=acts.open_dialog, args=("help",), type="tertiary")


@st.fragment
def draw_work() -> None:
    show_error()
    draw_bar()
    DRAW[state["review_mode"]]()
    components.draw_keyboard(state["review_focus_pick"], lambda: acts.open_dialog("help"))
    dialogs.draw_dialog()


known = place.recent_batches()
place.start(known)
draw_filters()
draw_work()
