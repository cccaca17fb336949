"""Review page: decide about suggested tags in focus, grid or group mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from console import edit_tags
from console.review import actions, components, deck_data, dialogs
from console.review import state as review_state
from console.review.focus import draw_focus
from console.review.grid import draw_grid
from console.review.groups import draw_groups
from console.session import fragment, guard, language, loop, plain, show_error
from tagging_core.common import Action

guard(Action.REVIEW)
st.set_page_config(initial_sidebar_state="collapsed")  # the picture needs the room
state = st.session_state
DRAW = {"focus": draw_focus, "grid": draw_grid, "groups": draw_groups}


def draw_bar() -> None:
    """Draw one line: what is reviewed, in which mode and order, and what concerns every mode."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="review_bar"):
        draw_choice("Batch", "batch", review_state.batch_names(known), review_state.change_batch, width=170)
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
        draw_choice("Order", "order", review_state.ORDERS, review_state.restart, width=175)
        draw_choice("Show", "show", review_state.SHOW, review_state.restart, width=125)
        profiles = {p.id: p.name(language()) for p in loop().taxonomy().profiles.values()}
        draw_choice("Profile", "profile", profiles, review_state.restart, width=130)
        for label, name, key, icon, help_text in (
            ("Accept many", "bulk", "B", "done_all", "Accept many tags at once, at a target precision"),
            ("My decisions", "history", "H", "history", "Your latest 50 decisions, to undo or redo"),
            ("Keys", "help", None, "keyboard", "All keys ( ? )"),
        ):
            st.button(
                label,
                on_click=actions.open_dialog,
                args=(name,),
                shortcut=key,
                icon=f":material/{icon}:",
                type="tertiary",
                help=help_text,
            )
        st.button("Switch mode", key="review_next_mode", on_click=review_state.next_mode, shortcut="M")


def draw_choice(label: str, name: str, options: dict[Any, str], act: Callable[[], None], *, width: int) -> None:
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


@fragment(key="review_work")
def draw_work() -> None:
    show_error()
    if state["review_mode"] != "focus":  # the surface has its own keys and progress
        components.draw_keyboard(lambda: actions.open_dialog("help"))
        draw_progress()
        edit_tags.draw_result(actions.look_again)
    DRAW[state["review_mode"]]()
    dialogs.draw_dialog()


def draw_progress() -> None:
    found = deck_data.progress_data(loop().review.progress(state["review_batch"] or None))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":gray[{found['words']}]", width="content")
        st.progress(found["share"], width="stretch")
        if done := state["review_confirmed"]:
            st.markdown(f":material/check: {plain(done)}", width="content")
        st.button("Undo", on_click=actions.undo_last, shortcut="Z", icon=":material/undo:", type="tertiary")


known = review_state.recent_batches()
review_state.start(known)
st.html(review_state.PAGE_STYLE)
draw_bar()
draw_work()
