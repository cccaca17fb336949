"""The page's two pieces of JavaScript: thumbnails to select, and keys that Streamlit cannot bind."""

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
            "alt": pictures.alternative(asset),
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


def draw_keyboard(focus: int, on_help: Callable[[], None]) -> None:
    """Listen to the keys `?` and `/`.

    Args:
        focus: Moves the focus into the field that finds tags whenever it changes.
        on_help: Called for `?`.
    """
    _keyboard(key="review_keyboard", data={"focus": focus}, on_help_change=on_help)
