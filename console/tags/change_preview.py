"""Preview of a change to the tag library, its application, and its undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from console import session
from tagging_core import TaggingError
from tagging_core.curation import Plan
from tagging_core.ledger.taxonomy_history import Change, label
from tagging_core.taxonomy import Tag

_LISTED = 100  # changes shown one by one
_UNDO = "curating_undo"


def apply(plan: Plan) -> str:
    """Apply a plan and offer to undo it; returns the change's id, empty if it was refused."""
    try:
        act = session.loop().curation.apply(session.current_user(), plan)
    except TaggingError as error:
        session.defer_error(error)
        return ""
    st.session_state[_UNDO] = (act, plan.title, "Undo")
    return act


def undo(act: str, title: str = "", word: str = "Undo") -> None:
    """Undo a change, and offer to redo it."""
    try:
        undone = session.loop().curation.undo(session.current_user(), act)
    except TaggingError as error:
        session.defer_error(error)
    else:
        st.session_state[_UNDO] = (undone, title, "Undo" if word == "Redo" else "Redo")


def draw_last_change() -> None:
    """Draw the latest change with an undo button, and errors."""
    session.show_error()
    if _UNDO not in st.session_state:
        return
    act, title, word = st.session_state[_UNDO]
    state = "is done" if word == "Undo" else "was undone"
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/check: {session.plain(title or 'The change')} {state}.", width="stretch")
        icon = f":material/{word.lower()}:"
        st.button(word, key="curating_undo_button", on_click=undo, args=(act, title, word), icon=icon)
        st.button("Close", key="curating_undo_close", on_click=_close, type="tertiary")


def draw_plan(plan: Plan, word: str, key: str, *, on_done: Callable[[], None] | None = None) -> None:
    """Draw what a plan would change, and a button that applies it.

    Args:
        word: Label of the button.
        on_done: Called after the plan was applied.
    """
    try:
        found = session.loop().curation.impact(plan)
    except TaggingError as error:
        session.draw_error(error)
        return
    st.markdown("\n".join(f"- {session.plain(sentence)}" for sentence in found.sentences()))
    if len(found.changes) > 1:
        with st.expander(f"{len(found.changes):,} items change"):
            draw_changes(found.changes)
    st.caption("It takes effect immediately and can be undone, here or on the History page.")
    disabled = not found.changes and not plan.decisions
    st.button(word, key=key, type="primary", on_click=_apply_then, args=(plan, on_done), disabled=disabled)


def draw_changes(changes: Sequence[Change]) -> None:
    """Draw a table of changes."""
    rows = []
    for change in changes[:_LISTED]:
        details = "; ".join(_difference(change, name, was, now=now) for name, was, now in change.fields())
        rows.append({"What": change.kind, "Name": _name(change), "Id": change.after.id, "Difference": details})
    st.dataframe(rows, hide_index=True, height="content" if len(rows) < 8 else 300)
    if len(changes) > _LISTED:
        st.caption(f"And {len(changes) - _LISTED:,} more.")


def _apply_then(plan: Plan, on_done: Callable[[], None] | None) -> None:
    if apply(plan) and on_done:
        on_done()


def _close() -> None:
    st.session_state.pop(_UNDO, None)


def _name(change: Change) -> str:
    item = change.before if change.kind == "deleted" and change.before else change.after
    return session.tag_label(item) if isinstance(item, Tag) else item.name(session.language())


def _difference(change: Change, name: str, was: Any, *, now: Any) -> str:
    return (
        f"{label(name)}: {_show(now)}" if change.before is None else f"{label(name)}: {_show(was)} → {_show(now)}"
    )


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{code} {_show(inner)}" for code, inner in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)
