"""The page's JavaScript: a field that finds tags, keys that Streamlit cannot bind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_finder = st.components.v2.component(
    "tagloop_finder",
    html="<div class='tagloop-finder'><input role='combobox' autocomplete='off' spellcheck='false' "
    "aria-expanded='false' aria-controls='tagloop-options'><ul id='tagloop-options' role='listbox'></ul></div>",
    css=(_HERE / "finder.css").read_text("utf-8"),
    js=(_HERE / "finder.js").read_text("utf-8"),
    isolate_styles=False,  # inside a shadow root, Streamlit would take typed letters for shortcuts
)
_keyboard = st.components.v2.component("tagloop_keyboard", js=(_HERE / "keyboard.js").read_text("utf-8"))


def draw_finder(
    placeholder: str, query: str, hits: list[dict[str, str]], exact: bool, focus: int, on_pick: Callable[[], None]
) -> None:
    """Draw a field that finds tags.

    Args:
        query: What `typed()` said.
        hits: What was found for it, best first: id, text, and a note.
        exact: Whether one of them is called exactly so, so that no new tag need be proposed.
        focus: Moves the focus into the field whenever it changes.
        on_pick: Called when one was chosen; which one is `picked()`.
    """
    _finder(
        key="review_finder",
        data={"placeholder": placeholder, "query": query, "hits": hits, "exact": exact, "focus": focus},
        on_query_change=lambda: None,
        on_pick_change=on_pick,
    )


def typed() -> str:
    """What is typed into the field that finds tags."""
    return (st.session_state.get("review_finder") or {}).get("query") or ""


def picked() -> dict[str, str]:
    """What was chosen: `id` of a tag, `+` for a new one, empty for the best that fits `text`."""
    return (st.session_state.get("review_finder") or {}).get("pick") or {}


def draw_keyboard(on_help: Callable[[], None]) -> None:
    """Listen to the keys `?` and `/`; `on_help` is called for the first."""
    _keyboard(key="review_keyboard", on_help_change=on_help, width="content")
