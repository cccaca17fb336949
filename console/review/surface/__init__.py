"""The review surface: a component that shows the picture in focus, answers keys at once and queues what they did.

Python hands it cards and applies its acts; the JavaScript beside this module draws, listens and queues.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from console.review.surface.words import WORDS
from console.script_routes import address

__all__ = ["STYLE", "WORDS", "draw", "loader", "opened", "query", "said"]

_KEY = "review_surface"
STYLE = (Path(__file__).parent / "surface.css").read_text("utf-8")


def loader(module: str) -> str:
    """Return the JavaScript of a component that loads a module, and hands each update to its default export."""
    return """
let loaded
export default function (component) {
  loaded ??= import(new URL("ADDRESS", document.baseURI))
  loaded.then((module) => module.default(component))
}
""".replace("ADDRESS", address(module))


_component = st.components.v2.component(
    "tagloop_review",
    html="<section class='tl-base tagloop-review' tabindex='-1' aria-label='Review'></section>",
    css=STYLE,
    js=loader("main.js"),
    isolate_styles=False,  # inside a shadow root, Streamlit would take typed letters for shortcuts
)


def draw(
    data: dict[str, Any],
    *,
    on_said: Callable[[], None],
    on_open: Callable[[], None],
    on_undo: Callable[[], None],
) -> None:
    """Draw the surface.

    Args:
        data: What it shows, see `deck_data.surface_data`.
        on_said: Called when the editor acted or went on; `said()` returns the acts.
        on_open: Called when a dialog is asked for; `opened()` says which.
        on_undo: Called when the latest decision is to be undone and this page does not know it.
    """
    _component(
        key=_KEY,
        data=data,
        on_said_change=on_said,
        on_query_change=lambda: None,
        on_open_change=on_open,
        on_undo_change=on_undo,
    )


def said() -> dict[str, Any]:
    """Return the latest message: `at`, the picture in focus, and `acts` that were not answered yet."""
    return _value("said") or {}


def query() -> str | None:
    """Return the text in the tag search field; None while nobody is in it."""
    found = _value("query")
    return None if found is None else str(found)


def opened() -> dict[str, Any]:
    """Return the dialog that was asked for: its name, the picture and perhaps the tag."""
    return _value("open") or {}


def _value(name: str) -> Any:
    return (st.session_state.get(_KEY) or {}).get(name)
