"""Figures that compare; they are returned and not drawn, so that the report can use them too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from console.charts import MISSED, MUTED, NEUTRAL, PALETTE, RIGHT, WRONG, Query, error_bars, link, translucent
from tagging_core.analytics.trends import ShareChange


def movers(found: Sequence[ShareChange], name: Callable[[str], str], links: Callable[[str], Query]) -> go.Figure:
    """Plot changes of shares in percentage points, with the interval that each was tested with."""
    shown = list(found)[::-1]
    low, changes, high = np.array([(m.change.low, m.change.value, m.change.high) for m in shown]).T
    figure = go.Figure(
        go.Scatter(
            x=changes * 100,
            y=[name(m.tag_id) for m in shown],
            mode="markers",
            marker={"size": 11, "color": [RIGHT if m.change.value > 0 else MISSED for m in shown]},
            error_x=error_bars(low * 100, changes * 100, high * 100),
            text=[f"from {m.before:.1%} to {m.now:.1%}" for m in shown],
            hovertemplate="%{y}: %{text}<br>%{x:+.1f} points<extra></extra>",
            customdata=[link(links(m.tag_id)) for m in shown],
        )
    )
    figure.add_vline(x=0, line_width=1, line_color=NEUTRAL)
    figure.update_xaxes(title="change in percentage points", ticksuffix="", tickformat="+.0f")
    figure.update_yaxes(type="category", automargin=True)
    return figure


def sunburst(rows: pd.DataFrame) -> go.Figure:
    """Plot the taxonomy, each sector as large as its share of all tags given.

    Args:
        rows: Columns `id`, `parent` (an id or empty), `name`, and `n` without descendants.
    """
    figure = go.Figure(
        go.Sunburst(
            ids=rows["id"],
            parents=rows["parent"],
            labels=rows["name"],
            values=rows["n"],
            branchvalues="remainder",
            maxdepth=3,
            insidetextorientation="auto",
            hovertemplate="%{label}: %{value:,} pictures, %{percentRoot:.1%} of all tags<extra></extra>",
        )
    )
    return figure.update_layout(colorway=PALETTE)


def co_occurrence(table: pd.DataFrame, names: Mapping[str, str]) -> go.Figure:
    """Plot the share of the pictures with the row's tag that have the column's tag too."""
    alone = pd.Series({tag_id: table.loc[tag_id, tag_id] for tag_id in table.index})
    shares = table.div(alone, axis=0).astype(float)
    for tag_id in table.index:
        shares.loc[tag_id, tag_id] = float("nan")
    labels = [names[tag_id] for tag_id in table.index]
    figure = go.Figure(
        go.Heatmap(
            z=shares.to_numpy(),
            x=labels,
            y=labels,
            text=table.to_numpy(),
            colorscale=[[0, translucent(RIGHT, 0.04)], [1, RIGHT]],
            zmin=0,
            zmax=1,
            colorbar={"tickformat": ".0%", "thickness": 10, "title": ""},
            hovertemplate="of pictures with %{y}, %{z:.0%} have %{x}<br>%{text:,} have both<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", tickangle=-40, automargin=True)
    return figure.update_yaxes(type="category", autorange="reversed", automargin=True)


def comparison(table: pd.DataFrame) -> go.Figure:
    """Plot pairs of shares.

    Args:
        table: Columns `name`, and `first`, `first_name`, `first_link` (share, name, query) and so on for `second`.
    """
    figure = go.Figure()
    rows = table.iloc[::-1]
    for n, side in enumerate(("first", "second")):
        figure.add_bar(
            y=rows["name"],
            x=rows[side],
            name=str(table[f"{side}_name"].iloc[0]),
            orientation="h",
            marker={"color": (NEUTRAL, RIGHT)[n]},
            hovertemplate="%{y}: %{x:.1%}",
            customdata=[link(query) for query in rows[f"{side}_link"]],
        )
    figure.update_layout(barmode="group")
    figure.update_xaxes(tickformat=".0%", title="share of pictures", rangemode="tozero")
    return figure.update_yaxes(type="category", automargin=True)


def reliability(table: pd.DataFrame, links: Callable[[float], Query]) -> go.Figure:
    """Plot the share of right suggestions by confidence; perfect calibration is the diagonal."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": NEUTRAL},
        name="perfect",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=table["said"],
        y=table["was"],
        mode="lines+markers",
        name="observed",
        line={"color": RIGHT},
        marker={"size": 9},
        error_y=error_bars(table["low"], table["was"], table["high"]),
        text=[f"{n:,}" for n in table["n"]],
        hovertemplate="confidence %{x:.0%}: %{y:.0%} of %{text} were right<extra></extra>",
        customdata=[link(links(said)) for said in table["said"]],
    )
    figure.update_xaxes(tickformat=".0%", range=[0, 1.02], title="confidence shown")
    return figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title="share that was right")


def risk_coverage(curve: pd.DataFrame) -> go.Figure:
    """Plot the share of errors against the share of suggestions accepted unseen, over all thresholds."""
    figure = go.Figure(
        go.Scatter(
            x=curve["coverage"],
            y=1 - curve["right"],
            mode="lines",
            line={"color": WRONG},
            text=[f"{t:.0%}" for t in curve["threshold"]],
            hovertemplate="threshold %{text}: %{x:.0%} accepted, %{y:.1%} of them wrong<extra></extra>",
        )
    )
    for share in (0.01, 0.03, 0.05):
        figure.add_hline(y=share, line_dash="dot", line_width=1, line_color=NEUTRAL)
    figure.update_xaxes(tickformat=".0%", range=[0, 1.02], title="share of suggestions accepted (coverage)")
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero", title="share of them wrong (risk)")


def confusions(rows: Sequence[tuple[str, str, int]], links: Sequence[Query]) -> go.Figure:
    """Plot confused pairs of tags, most frequent first."""
    figure = go.Figure(
        go.Bar(
            x=[n for *_, n in rows][::-1],
            y=[f"{suggested} → {given}" for suggested, given, _ in rows][::-1],
            orientation="h",
            marker={"color": WRONG},
            hovertemplate="%{y}: %{x:,}<extra></extra>",
            customdata=[link(query) for query in links][::-1],
        )
    )
    figure.update_xaxes(title="pictures", rangemode="tozero", tickformat=",d")
    return figure.update_yaxes(type="category", automargin=True)


def dot_plot(names: Sequence[str], table: pd.DataFrame, title: str, *, enough: int) -> go.Figure:
    """Plot one share per name with its interval; shares of fewer than `enough` cases are grey.

    Args:
        table: Columns `share`, `low`, `high` and `n`.
    """
    figure = go.Figure(
        go.Scatter(
            x=table["share"],
            y=list(names),
            mode="markers",
            marker={"size": 11, "color": [RIGHT if n >= enough else MUTED for n in table["n"]]},
            error_x=error_bars(table["low"], table["share"], table["high"]),
            text=[f"{n:,}" for n in table["n"]],
            hovertemplate="%{y}: %{x:.0%} of %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(tickformat=".0%", range=[0, 1.02], title=title)
    return figure.update_yaxes(type="category", automargin=True, autorange="reversed")
