"""Figures over time; they are returned and not drawn, so that the report can use them too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
import plotly.graph_objects as go

from console.charts import MUTED, PALETTE, RIGHT, WRONG, Query, link, translucent

_TICKS = {"day": "%d %b", "week": "%d %b", "month": "%b %Y", "quarter": "Q%q %Y"}
_BANDS = 3  # lines up to which each shows its interval

Links = Callable[[str, str], Query]
"""Returns the query of the pictures of a group in a bucket."""


def _time_axis(figure: go.Figure, grain: str, buckets: Sequence[str]) -> go.Figure:
    """Format the dates by grain; up to ten buckets are labelled individually."""
    figure.update_xaxes(type="date", tickformat=_TICKS[grain], title="")
    if len(buckets) <= 10:
        figure.update_xaxes(tickvals=list(buckets))
    return figure


def lines(table: pd.DataFrame, buckets: Sequence[str], grain: str, *, links: Links, unit: str) -> go.Figure:
    """Plot shares over time, one line per group; buckets without pictures leave a gap.

    Args:
        table: Result of `trends.series`.
    """
    figure = go.Figure()
    groups = list(dict.fromkeys(table["group"]))
    for n, group in enumerate(groups):
        colour = PALETTE[n % len(PALETTE)]
        part = table[table["group"] == group].set_index("bucket").reindex(list(buckets))
        if len(groups) <= _BANDS:
            _interval_band(figure, part, colour, group=group)
        figure.add_scatter(
            x=list(part.index),
            y=part["share"],
            name=group,
            mode="lines+markers",
            line={"color": colour},
            legendgroup=group,
            text=[
                "" if pd.isna(n) else f"{int(n):,} of {int(of):,} {unit}"
                for n, of in zip(part["n"], part["of"], strict=True)
            ],
            hovertemplate="%{x|%d %b %Y}: %{y:.1%}<br>%{text}",
            customdata=[link(links(group, bucket)) for bucket in part.index],
        )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title=f"share of {unit}")
    return _time_axis(figure, grain, buckets)


def composition(table: pd.DataFrame, buckets: Sequence[str], grain: str, *, links: Links) -> go.Figure:
    """Plot the composition over time, stacked to 100 %; at most as many groups as colours."""
    figure = go.Figure()
    for n, group in enumerate(dict.fromkeys(table["group"])):
        part = table[table["group"] == group]
        figure.add_bar(
            x=list(part["bucket"]),
            y=part["share"],
            name=group,
            marker={"color": MUTED if n == len(PALETTE) - 1 else PALETTE[n]},  # the last stands for all others
            text=[f"{n:,} of {of:,} tags" for n, of in zip(part["n"], part["of"], strict=True)],
            textposition="none",
            hovertemplate="%{x|%d %b %Y}: %{y:.1%}<br>%{text}",
            customdata=[link(links(group, bucket)) for bucket in part["bucket"]],
        )
    figure.update_layout(barmode="stack", bargap=0.25)
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title="share of tags")
    return _time_axis(figure, grain, buckets)


def accuracy(
    table: pd.DataFrame, buckets: Sequence[str], grain: str, *, links: Callable[[str], Query]
) -> go.Figure:
    """Plot precision with its interval, and recall, over time.

    Args:
        table: Result of `accuracy.over_time`.
    """
    part = table.set_index("bucket").reindex(list(buckets))
    figure = go.Figure()
    _interval_band(figure, part, RIGHT, group="Precision")
    for column, base, name, colour in (
        ("precision", "opinions", "Precision", RIGHT),
        ("recall", "truths", "Recall", PALETTE[2]),
    ):
        figure.add_scatter(
            x=list(part.index),
            y=part[column],
            name=name,
            mode="lines+markers",
            line={"color": colour},
            legendgroup=name,
            text=["" if pd.isna(n) else f"of {int(n):,}" for n in part[base]],
            hovertemplate="%{x|%d %b %Y}: %{y:.1%} %{text}",
            customdata=[link(links(bucket)) for bucket in part.index],
        )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title="share")
    return _time_axis(figure, grain, buckets)


def cumulative_money(months: Sequence[int], spent: Sequence[float], gained: Sequence[float]) -> go.Figure:
    """Plot cumulative money spent and saved by month."""
    figure = go.Figure()
    for name, values, colour in (("Spent", spent, WRONG), ("Saved", gained, RIGHT)):
        figure.add_scatter(
            x=list(months),
            y=list(values),
            mode="lines",
            name=name,
            line={"color": colour},
            hovertemplate="after %{x} months: %{y:,.0f}",
        )
    figure.update_xaxes(title="months", dtick=3, rangemode="tozero")
    return figure.update_yaxes(title="cumulative money", tickformat=",d", rangemode="tozero")


def drift_p_values(days: Sequence[str], p: Sequence[float | None], limit: float) -> go.Figure:
    """Plot the p-value of the daily drift check; below the line is an alarm."""
    figure = go.Figure(
        go.Scatter(
            x=list(days),
            y=list(p),
            mode="lines+markers",
            line={"color": RIGHT},
            marker={"size": 9, "color": [WRONG if q is not None and q <= limit else RIGHT for q in p]},
            hovertemplate="%{x|%d %b %Y}: p = %{y:.3f}<extra></extra>",
        )
    )
    figure.add_hline(y=limit, line_dash="dot", line_color=WRONG)
    figure.update_yaxes(type="log", range=[-3.1, 0.1], title="p-value", tickvals=[0.001, 0.01, 0.1, 1])
    return _time_axis(figure, "day", days)


def _interval_band(figure: go.Figure, table: pd.DataFrame, colour: str, *, group: str) -> None:
    """Fill the interval from `low` to `high`, for each run of buckets without a gap."""
    known = table["low"].notna()
    for _, run in table[known].groupby((known != known.shift()).cumsum()[known]):
        figure.add_scatter(
            x=[*run.index, *run.index[::-1]],
            y=[*run["low"], *run["high"][::-1]],
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=translucent(colour),
            hoverinfo="skip",
            showlegend=False,
            legendgroup=group,
        )
