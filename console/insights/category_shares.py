"""Shares of categories over time."""

from __future__ import annotations

from console import charts, session
from console.insights import help_texts, labels, line_charts
from console.insights.filters import Choice
from tagging_core.analytics import trends
from tagging_core.analytics.trends import Content


def draw(choice: Choice, content: Content, title: str, *, key: str, height: int) -> None:
    """Draw the shares of the largest categories over time."""
    taxonomy = session.loop().taxonomy()
    table = labels.largest_categories(taxonomy, trends.by_category(content, taxonomy, choice.grain))
    charts.show(
        line_charts.composition(
            table, choice.buckets, choice.grain, links=lambda _, b: choice.query(**choice.within(b))
        ),
        title,
        f"{content.tags:,} tags on {content.total:,} finished pictures",
        key,
        explain=help_texts.PARTS,
        table=lambda: table,
        pictures=choice.query(),
        height=height,
    )
