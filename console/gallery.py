"""A component to select thumbnails by mouse or keyboard; a page has at most one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import streamlit as st

from console import image_routes, session
from tagging_core.assets import Asset

_HERE = Path(__file__).parent
_KEY = "gallery"
_gallery = st.components.v2.component(
    "tagloop_gallery",
    html="<div class='gallery' role='group'></div>",
    css=(_HERE / "gallery.css").read_text("utf-8"),
    js=(_HERE / "gallery.js").read_text("utf-8"),
)


def draw(
    page: str,
    shown: Sequence[tuple[Asset, str]],
    selected: Sequence[int],
    *,
    label: str,
    on_open: Callable[[], None] = lambda: None,
    side: int = 140,
    opens: bool = False,
    dims: bool = True,
    asks: bool = False,
) -> None:
    """Draw thumbnails to select, or to answer a question about.

    Args:
        page: Identifies the content; a new value resets the selection.
        shown: Pictures, each with a caption.
        selected: Ids that are selected initially.
        label: What is selected, or the question, for screen readers.
        on_open: Called when a picture is opened; its id is `opened()`.
        side: Minimum width of a thumbnail in pixels.
        opens: A click opens a picture instead of selecting it.
        dims: Dim pictures that are not selected.
        asks: A click changes from yes to no to undecided, see `marks`, instead of selecting.
    """
    items = [
        {
            "id": asset.id,
            "src": image_routes.thumbnail(asset),
            "alt": image_routes.alt_text(asset),
            "caption": caption,
        }
        for asset, caption in shown
    ]
    _gallery(
        key=_KEY,
        data={
            "page": page,
            "items": items,
            "selected": list(selected),
            "label": label,
            "side": side,
            "opens": opens,
            "dims": dims,
            "asks": asks,
        },
        on_marks_change=lambda: None,
        on_open_change=on_open,
    )


def selection(page: str, default: Sequence[int]) -> list[int]:
    """Return the ids selected on a page; `default` until the user changes the selection."""
    return marks(page, default)[0]


def marks(page: str, default: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the ids marked with yes and those marked with no; `default` and none until the user marks one."""
    stored = (st.session_state.get(_KEY) or {}).get("marks") or {}
    return (list(stored["yes"]), list(stored["no"])) if stored.get("page") == page else (list(default), [])


def opened() -> int | None:
    """Return the id of the picture that was opened."""
    return (st.session_state.get(_KEY) or {}).get("open")


def load(asset_ids: Sequence[int]) -> dict[int, Asset]:
    """Return pictures by id, from one query."""
    return {asset.id: asset for asset in session.loop().assets.get_many(asset_ids)}


def draw_strip(found: Sequence[tuple[int, str]], width: int = 104, known: dict[int, Asset] | None = None) -> None:
    """Draw thumbnails that cannot be selected, each with a caption, in the given order.

    Args:
        known: Result of `load`, to share one query between several strips; None reads the pictures here.
    """
    if known is None:
        known = load([asset_id for asset_id, _ in found])
    figures = [_figure(known[asset_id], caption, width) for asset_id, caption in found if asset_id in known]
    st.html(f"<div style='display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: end'>{''.join(figures)}</div>")


def _figure(asset: Asset, caption: str, width: int) -> str:
    below = (
        f"<figcaption style='font-size: 0.8rem; opacity: 0.75'>{escape(caption)}</figcaption>" if caption else ""
    )
    return (
        f"<figure style='margin: 0; width: {width}px; text-align: center'>"
        f"<img src='{escape(image_routes.thumbnail(asset))}' alt='{image_routes.alt_html(asset)}' "
        f"loading='lazy' style='max-width: 100%; max-height: {width * 4 // 3}px; border-radius: 0.4rem'>"
        f"{below}</figure>"
    )
