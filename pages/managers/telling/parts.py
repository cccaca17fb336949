"""What pictures are about, category by category."""

from __future__ import annotations

from pages.common import charts, session
from pages.managers.telling import curves, meaning, naming
from pages.managers.telling.filters import Choice
from tagging_core.insights import trends
from tagging_core.insights.trends import Content


def draw(choice: Choice, content: Content, title: str, key: str, height: int) -> None:
    """Draw the shares of the largest categories over time."""
    taxonomy = session.loop().taxonomy()
    table = naming.parts(taxonomy, trends.by_category(content, taxonomy, choice.grain))
    charts.show(
        curves.composition(table, choice.buckets, choice.grain, lambda _, b: choice.query(**choice.within(b))),
        title,
        f"{content.tags:,} tags on {content.total:,} finished pictures",
        key,
        explain=meaning.PARTS,
        table=lambda: table,
        pictures=choice.query(),
        height=height,
    )
