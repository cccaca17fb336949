"""The charts' common ground; figures are drawn by Plotly and coloured by Streamlit's theme."""

from __future__ import annotations

import pandas as pd
import plotly.express as px
import plotly.graph_objects as go
import streamlit as st

PERIODS = {7: "7 days", 30: "30 days", 90: "90 days", 365: "A year"}


def period() -> int:
    """Let the reader choose how many days back to look."""
    return st.segmented_control(
        "Period",
        list(PERIODS),
        default=30,
        format_func=PERIODS.get,
        key="insights_period",
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )


def show(figure: go.Figure, title: str, pictures: str, key: str) -> None:
    """Draw a figure under a title that says what it shows, with the number behind it."""
    st.markdown(f"**{title}**  \n:gray[{pictures}]")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8}, height=320, legend_title_text="")
    st.plotly_chart(figure, key=key, config={"displaylogo": False, "modeBarButtons": [["toImage"]]}, alt=title)


def stacked_days(table: pd.DataFrame, colour: str, unit: str, share: bool = False) -> go.Figure:
    """Bars by day, stacked by a column; `table` has the columns day, the colour's, and n."""
    figure = px.bar(table, x="day", y="n", color=colour, labels={"day": "", "n": unit})
    figure.update_layout(barmode="stack", barnorm="percent" if share else "", bargap=0.5)
    figure.update_yaxes(tickformat=",d", rangemode="tozero")
    figure.update_xaxes(type="category", categoryorder="category ascending")
    return figure
