"""Common frame of all charts: title, sample size, explanation, CSV download, and a link to the pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.typing import PlotlyState

from console import page_paths, session
from tagging_core.common import Action
from tagging_core.common.csv_safety import escape_formula

PALETTE = ("#0f766e", "#d97706", "#2563eb", "#dc2626", "#7c3aed", "#64748b", "#65a30d", "#db2777")
"""The categorical colours of config.toml, for traces that Streamlit's theme does not colour."""

RIGHT, WRONG, MISSED, NEUTRAL, MUTED = PALETTE[0], PALETTE[3], PALETTE[1], PALETTE[5], "#b8c0cc"
"""Right, wrong and missed have the same colour on all pages; NEUTRAL is none of them, MUTED rests on few cases."""

HEIGHT = 300

Query = Mapping[str, str]
"""Query parameters of the Pictures page."""


def show(
    figure: go.Figure,
    title: str,
    subtitle: str,
    key: str,
    *,
    explain: str = "",
    table: Callable[[], pd.DataFrame] | None = None,
    pictures: Query | None = None,
    height: int = HEIGHT,
) -> None:
    """Draw a figure under its title; a click on a point that carries a `link` opens its pictures.

    Args:
        subtitle: The sample size: how many pictures or decisions the figure is based on.
        explain: What is measured and how, in a popover.
        table: The numbers, for the download.
        pictures: Query of all pictures that the figure counts.
    """
    with st.container(border=True):
        draw_head(title, subtitle, key, explain=explain, table=table, pictures=pictures)
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
            _open_pictures([point.get("customdata") for point in shown.selection.points])


def draw_head(
    title: str,
    subtitle: str,
    key: str,
    *,
    explain: str = "",
    table: Callable[[], pd.DataFrame] | None = None,
    pictures: Query | None = None,
) -> None:
    """Draw the line above a chart or a table."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{session.plain(title)}**  \n:gray[:small[{session.plain(subtitle)}]]", width="stretch")
        if pictures is not None:
            draw_link(pictures)
        if table is not None:
            st.download_button(
                "CSV",
                lambda: csv_file(table()),
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


def csv_file(table: pd.DataFrame) -> bytes:
    """Return a table as CSV for spreadsheets, in which no name becomes a formula."""
    safe = table.map(lambda cell: escape_formula(cell) if isinstance(cell, str) else cell)
    return safe.rename(columns=lambda name: escape_formula(str(name))).to_csv(index=False).encode("utf-8-sig")


def draw_link(query: Query, label: str = "Pictures") -> None:
    """Draw the link to the pictures that a figure counts."""
    st.page_link(page_paths.PICTURES, label=label, icon=":material/photo_library:", query_params=query)


def draw_empty(text: str) -> None:
    """Say that there are no figures yet, and link to the review that produces them."""
    st.info(text)
    if session.current_user().may(Action.REVIEW):
        st.page_link(page_paths.REVIEW, label="Review pictures", icon=":material/check_circle:")


def link(query: Query) -> list[str]:
    """Return the `customdata` of a point whose click opens its pictures."""
    return [json.dumps(dict(query))]


def _open_pictures(found: list[list[str] | str | None]) -> None:
    for carried in found:
        text = carried[0] if isinstance(carried, (list, tuple)) and carried else carried
        if isinstance(text, str):
            st.switch_page(page_paths.PICTURES, query_params=json.loads(text))


def translucent(colour: str, opacity: float = 0.15) -> str:
    """Return an `rgba()` colour of a `#rrggbb` one."""
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def error_bars(low: Any, value: Any, high: Any) -> dict[str, Any]:
    """Return Plotly error bars of intervals, from arrays or columns of equal length."""
    away = {"array": high - value, "arrayminus": value - low}
    return {"type": "data", "symmetric": False, "thickness": 1, "color": NEUTRAL, **away}


def percent(share: float | None, digits: int = 0) -> str:
    """Format a share; None is a dash."""
    return "–" if share is None else f"{share:.{digits}%}"


def interval(low: float, high: float) -> str:
    """Format an interval of shares."""
    return f"{low:.0%} to {high:.0%}"
