"""The components of group mode: the tag search field, and keys that Streamlit cannot bind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from console.review import surface

_finder = st.components.v2.component(
    "tagloop_finder",
    html="<div class='tl-base'></div>",
    css=surface.STYLE,
    js=surface.loader("picker.js"),
    isolate_styles=False,  # inside a shadow root, Streamlit would take typed letters for shortcuts
)
_keyboard = st.components.v2.component(
    "tagloop_keyboard", js=Path(__file__).with_name("keyboard.js").read_text("utf-8")
)


def draw_finder(found: dict[str, Any] | None, on_pick: Callable[[], None]) -> None:
    """Draw the tag search field.

    Args:
        found: What `tag_search.hits` finds for the value of `typed()`.
        on_pick: Called when an option is chosen; `picked()` returns it.
    """
    _finder(
        key="review_finder",
        data={"words": surface.WORDS, "found": found},
        on_query_change=lambda: None,
        on_pick_change=on_pick,
    )


def typed() -> str | None:
    """Return the text in the tag search field; None while nobody is in it."""
    return (st.session_state.get("review_finder") or {}).get("query")


def picked() -> dict[str, Any]:
    """Return what was chosen: ids of `tags`, or none for the best match of `text`, or a new tag if `isNew`."""
    return (st.session_state.get("review_finder") or {}).get("pick") or {}


def draw_keyboard(on_help: Callable[[], None]) -> None:
    """Bind the keys `?` (calls `on_help`) and `/` (focuses the tag search field)."""
    _keyboard(key="review_keyboard", on_help_change=on_help, width="content")
