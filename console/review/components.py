"""The page's JavaScript components: the tag search field, and keys that Streamlit cannot bind."""

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
    placeholder: str,
    query: str,
    hits: list[dict[str, str]],
    *,
    exact: bool,
    on_pick: Callable[[], None],
) -> None:
    """Draw the tag search field.

    Args:
        query: The value of `typed()`.
        hits: Matches for it, best first: `id`, `text` and `note`.
        exact: Whether a match has exactly this name, so that the option to propose a new tag is left out.
        on_pick: Called when an option is chosen; `picked()` returns it.
    """
    _finder(
        key="review_finder",
        data={"placeholder": placeholder, "query": query, "hits": hits, "exact": exact},
        on_query_change=lambda: None,
        on_pick_change=on_pick,
    )


def typed() -> str:
    """Return the text in the tag search field."""
    return (st.session_state.get("review_finder") or {}).get("query") or ""


def picked() -> dict[str, str]:
    """Return the chosen option: `id` is a tag id, `+` for a new tag, or empty for the best match of `text`."""
    return (st.session_state.get("review_finder") or {}).get("pick") or {}


def draw_keyboard(on_help: Callable[[], None]) -> None:
    """Bind the keys `?` (calls `on_help`) and `/` (focuses the tag search field)."""
    _keyboard(key="review_keyboard", on_help_change=on_help, width="content")
