"""The page's JavaScript: thumbnails to select, a field that finds tags, keys that Streamlit cannot bind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from pages.common import pictures
from tagging_core.assets import Asset

_HERE = Path(__file__).parent
_gallery = st.components.v2.component(
    "tagloop_gallery",
    html="<div class='gallery' role='group'></div>",
    css=(_HERE / "gallery.css").read_text("utf-8"),
    js=(_HERE / "gallery.js").read_text("utf-8"),
)
_finder = st.components.v2.component(
    "tagloop_finder",
    html="<div class='tagloop-finder'><input role='combobox' autocomplete='off' spellcheck='false' "
    "aria-expanded='false' aria-controls='tagloop-options'><ul id='tagloop-options' role='listbox'></ul></div>",
    css=(_HERE / "finder.css").read_text("utf-8"),
    js=(_HERE / "finder.js").read_text("utf-8"),
    isolate_styles=False,  # inside a shadow root, Streamlit would take typed letters for shortcuts
)
_keyboard = st.components.v2.component("tagloop_keyboard", js=(_HERE / "keyboard.js").read_text("utf-8"))


def draw_gallery(
    page: str,
    shown: Sequence[tuple[Asset, str]],
    selected: Sequence[int],
    label: str,
    on_open: Callable[[], None],
    side: int = 140,
) -> None:
    """Draw thumbnails to select.

    Args:
        page: Names what is shown; a new name starts with a new selection.
        shown: Pictures with a caption.
        selected: Ids that are selected at first.
        label: What is asked, for screen readers.
        on_open: Called when somebody wants to see one large; its id is `opened()`.
        side: Least width of a thumbnail in pixels.
    """
    items = [
        {
            "id": asset.id,
            "src": pictures.thumbnail(asset),
            "alt": pictures.description(asset),
            "caption": caption,
        }
        for asset, caption in shown
    ]
    _gallery(
        key="review_gallery",
        data={"page": page, "items": items, "selected": list(selected), "label": label, "side": side},
        on_selected_change=lambda: None,
        on_open_change=on_open,
    )


def selection(page: str, usual: Sequence[int]) -> list[int]:
    """The ids that are selected on a page; what was selected at first as long as nobody changed it."""
    told = (st.session_state.get("review_gallery") or {}).get("selected") or {}
    return list(told["ids"]) if told.get("page") == page else list(usual)


def opened() -> int | None:
    """The picture that somebody wants to see large."""
    return (st.session_state.get("review_gallery") or {}).get("open")


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
