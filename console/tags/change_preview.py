"""What a change did or would do, for people to read, and carrying it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from console import session
from tagging_core import TaggingError
from tagging_core.curation import Plan
from tagging_core.ledger.taxonomy_history import Change, label
from tagging_core.taxonomy.model import Tag

_LISTED = 100  # changes that are shown one by one
_UNDO = "curating_undo"


def carry_out(plan: Plan) -> str:
    """Apply a plan and offer to take it back; the act's id, empty if it was refused."""
    try:
        act = session.loop().curation.apply(session.current_user(), plan)
    except TaggingError as error:
        session.say_error(error)
        return ""
    st.session_state[_UNDO] = (act, plan.title)
    return act


def take_back(act: str, title: str = "") -> None:
    """Undo an act; undoing that is offered in turn."""
    try:
        undone = session.loop().curation.undo(session.current_user(), act)
    except TaggingError as error:
        session.say_error(error)
    else:
        st.session_state[_UNDO] = (undone, f"Undo: {title}" if title else "The undo")


def draw_last() -> None:
    """Say what was done just now, with a button that takes it back, and show what went wrong."""
    session.show_error()
    if _UNDO not in st.session_state:
        return
    act, title = st.session_state[_UNDO]
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/check: {session.plain(title)} is done.", width="stretch")
        st.button("Undo", key="curating_undo_button", on_click=take_back, args=(act, title), icon=":material/undo:")
        st.button("Close", key="curating_undo_close", on_click=_forget, type="tertiary")


def draw_plan(plan: Plan, word: str, key: str, on_done: Callable[[], None] | None = None) -> None:
    """Show what a plan would do, and a button that does it.

    Args:
        word: What the button says.
        on_done: Called once it is done.
    """
    try:
        found = session.loop().curation.impact(plan)
    except TaggingError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.markdown("\n".join(f"- {sentence}" for sentence in found.sentences()))
    if len(found.changes) > 1:
        with st.expander(f"{len(found.changes):,} items change"):
            draw_changes(found.changes)
    st.caption("It is done at once and can be undone, here or in the library's history.")
    disabled = not found.changes and not plan.decisions
    st.button(word, key=key, type="primary", on_click=_do, args=(plan, on_done), disabled=disabled)


def draw_changes(changes: Sequence[Change]) -> None:
    """A table of what was, or would be, different."""
    rows = []
    for change in changes[:_LISTED]:
        details = "; ".join(_difference(change, *field) for field in change.fields())
        rows.append({"What": change.kind, "Name": _name(change), "Id": change.after.id, "Differs in": details})
    st.dataframe(rows, hide_index=True, height="content" if len(rows) < 8 else 300)
    if len(changes) > _LISTED:
        st.caption(f"And {len(changes) - _LISTED:,} more.")


def _do(plan: Plan, on_done: Callable[[], None] | None) -> None:
    if carry_out(plan) and on_done:
        on_done()


def _forget() -> None:
    st.session_state.pop(_UNDO, None)


def _name(change: Change) -> str:
    item = change.before if change.kind == "deleted" and change.before else change.after
    return session.tag_label(item) if isinstance(item, Tag) else item.name(session.language())


def _difference(change: Change, name: str, was: Any, now: Any) -> str:
    return (
        f"{label(name)}: {_show(now)}" if change.before is None else f"{label(name)}: {_show(was)} → {_show(now)}"
    )


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{code} {_show(inner)}" for code, inner in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)
