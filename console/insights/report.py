"""The report of a period: one self-contained HTML file, to print or to send."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

import plotly.graph_objects as go
import streamlit as st

from console import charts, session
from console.charts import PALETTE, percent
from console.insights import bar_charts, help_texts, labels, line_charts
from console.insights.filters import Choice
from tagging_core import Tagloop, User
from tagging_core.analytics import accuracy, productivity, trends
from tagging_core.analytics.overview import Overview
from tagging_core.ledger.rollups.tally import BLIND, SHOWN

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #16211f; max-width: 900px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2rem 0 0 }
p.subtitle, p.note, footer { color: #56655f; margin: 0.2rem 0 0.6rem; font-size: 0.87rem }
table { border-collapse: collapse; width: 100%; margin: 0.6rem 0 } section { break-inside: avoid }
td, th { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #dde4e2 }
td { font-variant-numeric: tabular-nums }
@media print { body { margin: 0 } @page { margin: 16mm } }
"""


def draw_button(choice: Choice) -> None:
    """Draw the download button; the report is built when it is clicked."""
    loop, user, language = session.loop(), session.current_user(), session.language()
    st.download_button(
        "Report to print",
        lambda: build(loop, user, language, choice=choice).encode(),
        f"tagloop-{choice.period.bounds[0]}-{choice.period.bounds[1]}.html",
        "text/html",
        icon=":material/print:",
        on_click="ignore",
        help="One HTML file with the figures and charts of this period",
    )


def build(loop: Tagloop, user: User, language: str, *, choice: Choice) -> str:
    """Build the report's HTML; runs outside of a browser session."""
    taxonomy = loop.taxonomy()
    period, grain = choice.period, choice.grain
    buckets = choice.buckets
    screen = loop.analytics.overview(user, period)
    content = loop.analytics.content(user, choice.basis, period)
    earlier = loop.analytics.content(user, choice.basis, period.before)
    source = screen.accuracy.source
    over_time = loop.analytics.accuracy_over_time(user, period, grain, source=source)
    bins = loop.analytics.confidence_bins(user, period, source)
    confused = loop.analytics.confusions(user, period)
    parts = [_totals(screen)]
    table = labels.largest_categories(taxonomy, trends.by_category(content, taxonomy, choice.grain), language)
    nowhere = dict[str, str]()
    finished = f"{content.total:,} finished pictures"
    if not table.empty:
        figure = line_charts.composition(table, buckets, grain, links=lambda *_: nowhere)
        parts.append(_section("What the content is about", finished, figure, note=help_texts.PARTS))
    moved = trends.movers(earlier, content, taxonomy)
    names = labels.tags(taxonomy, [mover.tag_id for mover in moved], language)
    if moved:
        figure = bar_charts.movers(moved[:15], names.__getitem__, lambda _: nowhere)
        parts.append(
            _section("What changed", f"{finished} against {earlier.total:,} before", figure, note=help_texts.MOVERS)
        )
    if not over_time.empty:
        subtitle = f"{int(over_time['opinions'].sum()):,} predictions, {help_texts.source(screen.accuracy)}"
        figure = line_charts.accuracy(over_time, buckets, grain, links=lambda _: nowhere)
        parts.append(_section("Precision and recall", subtitle, figure, note=help_texts.PRECISION))
        figure = bar_charts.reliability(accuracy.reliability(bins), lambda _: nowhere)
        parts.append(
            _section("Does 80 % mean 80 %?", f"{int(bins[['right', 'wrong']].sum().sum()):,} suggestions", figure)
        )
    if confused:
        known = labels.tags(taxonomy, [tag_id for *pair, _ in confused for tag_id in pair], language)
        figure = bar_charts.confusions([(known[a], known[b], n) for a, b, n in confused], [nowhere] * len(confused))
        parts.append(_section("Confused tags", "suggested → given instead", figure))
    made = f"{datetime.now(UTC):%d %b %Y, %H:%M} UTC"
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        f"<title>Tagloop, {period}</title><style>{_STYLE}</style>"
        f"<h1>Tagloop</h1><p class='note'>{period} · made {made} for {escape(user.name)}</p>{''.join(parts)}</html>"
    )


def _totals(screen: Overview) -> str:
    now, before = screen.figures, screen.before
    unchanged, assisted = productivity.unchanged_share(now)
    rows = [
        ("New pictures", f"{now['upload']:,}", f"{before['upload']:,} in the same period before"),
        ("Finished pictures", f"{now['done']:,}", f"{before['done']:,} in the same period before"),
        (
            "Accepted without change",
            percent(unchanged / assisted if assisted else None),
            f"of {assisted:,} pictures",
        ),
    ]
    for source, name in ((BLIND, "blind sample"), (SHOWN, "as shown")):
        found = accuracy.outcomes(now, source)
        if found.opinions:
            note = f"{charts.interval(*found.precision_interval)}; of {found.opinions:,}, {name}"
            rows.append(("Precision", percent(found.precision), note))
        if found.truths:
            note = f"{charts.interval(*found.recall_interval)}; of {found.truths:,}, {name}"
            rows.append(("Recall", percent(found.recall), note))
    if saved := screen.saved:
        basis = "measured" if saved.measured else "assumed"
        rows.append(
            (
                "Hours saved",
                f"{saved.hours:,.1f}",
                f"compared with {saved.by_hand:.0f} s per picture by hand, {basis}",
            )
        )
    cells = "".join(f"<tr><th>{a}</th><td>{b}</td><td>{c}</td></tr>" for a, b, c in rows)
    return f"<table>{cells}</table>"


def _section(title: str, subtitle: str, figure: go.Figure, *, note: str = "") -> str:
    first = title == "What the content is about"
    figure.update_layout(
        template="plotly_white",
        colorway=PALETTE,
        height=340,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        legend={"title": "", "orientation": "h", "y": -0.2},
    )
    chart = figure.to_html(
        full_html=False, include_plotlyjs=first, config={"displaylogo": False, "displayModeBar": False}
    )
    plain = note.replace("**", "").replace("\n\n", " ")
    return (
        f"<section><h2>{escape(title)}</h2><p class='subtitle'>{escape(subtitle)}</p>{chart}"
        f"<p class='note'>{escape(plain)}</p></section>"
    )
