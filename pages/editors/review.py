"""Review page: decide about suggested tags in focus, grid or group mode."""

from __future__ import annotations

import streamlit as st

from console.review import actions, components, dialogs
from console.review import state as review_state
from console.review.focus import draw_focus
from console.review.grid import draw_grid
from console.review.groups import draw_groups
from console.session import guard, language, loop, show_error
from tagging_core.common import Action

guard(Action.REVIEW)
state = st.session_state
DRAW = {"focus": draw_focus, "grid": draw_grid, "groups": draw_groups}


def draw_filters() -> None:
    names = review_state.batch_names(known)
    profiles = {p.id: p.name(language()) for p in loop().taxonomy().profiles.values()}
    choices = (
        ("Batch", "batch", names, review_state.change_batch, 220),
        ("Show", "show", review_state.SHOW, review_state.restart, 150),
        ("Order", "order", review_state.ORDERS, review_state.restart, 190),
        ("Profile", "profile", profiles, review_state.restart, 150),
    )
    with st.container(horizontal=True, gap="small"):
        for label, name, options, act, width in choices:
            st.selectbox(
                label,
                list(options),
                format_func=options.get,
                key=f"review_{name}",
                on_change=act,
                width=width,
                label_visibility="collapsed",
                persist_state="session",
            )
        components.draw_keyboard(lambda: actions.open_dialog("help"))


def draw_bar() -> None:
    """Draw the progress, and the buttons of every mode."""
    found = loop().review.progress(state["review_batch"] or None)
    parts = [
        f"{found.done:,} done",
        f"{found.waiting:,} waiting",
        *([f"{found.skipped:,} skipped"] if found.skipped else []),
        *([f"{found.flagged:,} flagged"] if found.flagged else []),
        *([f"{found.second:,} for second opinion"] if found.second else []),
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.segmented_control(
            "Mode",
            list(review_state.MODES),
            format_func=review_state.MODES.get,
            key="review_mode",
            on_change=review_state.change_mode,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
        st.button(
            "Switch", on_click=review_state.next_mode, shortcut="M", type="tertiary", help="Focus, grid, groups"
        )
        st.markdown(":gray[" + " · ".join(parts) + "]", width="stretch", text_alignment="center")
        st.button("Accept many", on_click=actions.open_dialog, args=("bulk",), shortcut="B", type="tertiary")
        st.button("Undo", on_click=actions.undo_last, shortcut="Z", icon=":material/undo:", type="tertiary")
        st.button("My decisions", on_click=actions.open_dialog, args=("history",), shortcut="H", type="tertiary")
        st.button("Keys ( ? )", on_click=actions.open_dialog, args=("help",), type="tertiary")
    st.progress(found.done / max(1, found.total))


@st.fragment(key="review_work")
def draw_work() -> None:
    show_error()
    draw_bar()
    DRAW[state["review_mode"]]()
    dialogs.draw_dialog()


known = review_state.recent_batches()
review_state.start(known)
draw_filters()
draw_work()
