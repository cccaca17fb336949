"""The charts' common ground: title, number of pictures, explanation, downloads, and the way to the pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.typing import PlotlyState

from console import page_paths, session
from tagging_core.common.users import Action

PALETTE = ("#0f766e", "#d97706", "#2563eb", "#dc2626", "#7c3aed", "#64748b", "#65a30d", "#db2777")
"""The categorical colours of config.toml, for what Streamlit's theme cannot colour by itself."""

RIGHT, WRONG, MISSED, PLAIN, FAINT = PALETTE[0], PALETTE[3], PALETTE[1], PALETTE[5], "#b8c0cc"
"""What is right, wrong and missed has one colour on all pages; PLAIN means neither, FAINT what says little."""

HEIGHT = 300

Query = Mapping[str, str]
"""Parameters of the page of pictures."""


def show(
    figure: go.Figure,
    title: str,
    behind: str,
    key: str,
    *,
    explain: str = "",
    table: Callable[[], pd.DataFrame] | None = None,
    pictures: Query | None = None,
    height: int = HEIGHT,
) -> None:
    """Draw a figure under a title that says what it shows.

    A click on a point that carries a `link` leads to its pictures.

    Args:
        behind: How many pictures, or decisions, stand behind it.
        explain: What is measured, and how; shown on demand.
        table: The numbers, for the download.
        pictures: All pictures behind the figure.
    """
    with st.container(border=True):
        draw_head(title, behind, key, explain, table, pictures)
        figure.update_layout(
            margin={"l": 8, "r": 12, "t": 8, "b": 8},
            height=height,
            legend={"title": "", "orientation": "h", "y": -0.18, "yanchor": "top"},
        )
        linked = any(trace.customdata is not None for trace in figure.data)
        buttons = {"displaylogo": False, "modeBarButtons": [["toImage"]]}
        shown = st.plotly_chart(
            figure,
            key=f"chart_{key}",
            config=buttons | {"toImageButtonOptions": {"filename": key, "scale": 2}},
            alt=title,
            on_select="rerun" if linked else "ignore",
            selection_mode="points",
        )
        if isinstance(shown, PlotlyState):
            _follow([point.get("customdata") for point in shown.selection.points])


def draw_head(
    title: str,
    behind: str,
    key: str,
    explain: str = "",
    table: Callable[[], pd.DataFrame] | None = None,
    pictures: Query | None = None,
) -> None:
    """The line above a chart or a table."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{session.plain(title)}**  \n:gray[:small[{session.plain(behind)}]]", width="stretch")
        if pictures is not None:
            draw_link(pictures)
        if table is not None:
            st.download_button(
                "CSV",
                lambda: table().to_csv(index=False).encode("utf-8-sig"),
                f"{key}.csv",
                "text/csv",
                key=f"csv_{key}",
                icon=":material/download:",
                type="tertiary",
                help="The numbers as CSV",
                on_click="ignore",
            )
        if explain:
            with st.popover("Meaning", icon=":material/info:", type="tertiary"):
                st.markdown(explain)


def draw_link(query: Query, label: str = "Pictures") -> None:
    """The way to the pictures behind a figure."""
    st.page_link(page_paths.PICTURES, label=label, icon=":material/photo_library:", query_params=query)


def draw_nothing(text: str) -> None:
    """Say that there is nothing to draw yet, and where figures come from."""
    st.info(text)
    if session.current_user().may(Action.REVIEW):
        st.page_link(page_paths.REVIEW, label="Review pictures", icon=":material/check_circle:")


def link(query: Query) -> list[str]:
    """What a point carries so that a click leads to its pictures."""
    return [json.dumps(dict(query))]


def _follow(found: list[list[str] | str | None]) -> None:
    for carried in found:
        text = carried[0] if isinstance(carried, (list, tuple)) and carried else carried
        if isinstance(text, str):
            st.switch_page(page_paths.PICTURES, query_params=json.loads(text))


def faint(colour: str, opacity: float = 0.15) -> str:
    """A colour, given as `#rrggbb`, that lets through what lies under it."""
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def bars(low: Any, value: Any, high: Any) -> dict[str, Any]:
    """The error bars of intervals, from arrays or columns of equal length."""
    away = {"array": high - value, "arrayminus": value - low}
    return {"type": "data", "symmetric": False, "thickness": 1, "color": PLAIN, **away}


def percent(share: float | None, digits: int = 0) -> str:
    """A share as people read it; a dash where there is none."""
    return "–" if share is None else f"{share:.{digits}%}"


def between(low: float, high: float) -> str:
    """An interval of shares."""
    return f"{low:.0%} to {high:.0%}"
