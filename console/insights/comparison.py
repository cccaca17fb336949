"""Comparison of two periods, profiles or batches."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from console import charts, session
from console.insights import bar_charts, help_texts, labels
from console.insights.filters import Choice
from tagging_core.analytics import trends
from tagging_core.analytics.trends import Content, ShareChange
from tagging_core.common.intervals import difference

_WHAT = {"period": "Two periods", "profile": "Two profiles", "batch": "Two batches"}
_MOST = 15

Side = tuple[str, Content, dict[str, str]]
"""A side's name, its content, and the query of its pictures."""


def draw(choice: Choice) -> None:
    """Let the user choose two sides, and draw where they differ."""
    what = st.segmented_control(
        "Compare",
        list(_WHAT),
        default="period",
        format_func=_WHAT.__getitem__,
        key="compare",
        required=True,
        bind="query-params",
    )
    sides = {"period": _periods, "profile": _profiles, "batch": _batches}[what or "period"](choice)
    if sides is None:
        return
    (first_name, first, first_link), (second_name, second, second_link) = sides
    if not first.total or not second.total:
        empty = first_name if not first.total else second_name
        st.info(f"{session.plain(empty)} has no finished pictures to compare with.")
        return
    taxonomy = session.loop().taxonomy()
    found = trends.movers(first, second, taxonomy)
    significant = {mover.tag_id for mover in found}
    shown = found[:_MOST] or _largest(first, second, [t for t in second.tag_ids if t in taxonomy.tags])
    names = labels.tags(taxonomy, [mover.tag_id for mover in shown])
    table = pd.DataFrame(
        [
            {
                "name": names[m.tag_id],
                "first": m.before,
                "second": m.now,
                "first_name": first_name,
                "second_name": second_name,
                "first_link": first_link | {"tag": m.tag_id},
                "second_link": second_link | {"tag": m.tag_id},
            }
            for m in shown
        ]
    )
    if table.empty:
        st.info("No picture of either side has a tag.")
        return
    title = "Significant differences" if significant else "No significant difference; the most used tags"
    numbers = table.drop(columns=["first_link", "second_link"])
    charts.show(
        bar_charts.comparison(table),
        title,
        f"{first.total:,} finished pictures against {second.total:,}",
        "compare",
        explain=help_texts.MOVERS,
        table=lambda: numbers,
        height=110 + 34 * len(table),
    )


def _largest(first: Content, second: Content, tag_ids: list[str]) -> list[ShareChange]:
    counts = second.counts()
    most = sorted(tag_ids, key=lambda tag_id: -counts[tag_id])[:_MOST]
    one, two = first.shares(most), second.shares(most)
    return [
        ShareChange(tag_id, float(one.share[n]), float(two.share[n]), difference(one, two, n), counts[tag_id])
        for n, tag_id in enumerate(most)
    ]


def _load(choice: Choice, **other: str) -> Content:
    part = other.get("profile", choice.profile)
    return session.loop().analytics.content(session.current_user(), choice.basis, choice.period, part=part)


def _periods(choice: Choice) -> tuple[Side, Side]:
    before = Choice(choice.period.before, choice.grain, choice.basis, choice.profile)
    return (
        (str(before.period), _load(before), before.query()),
        (str(choice.period), _load(choice), choice.query()),
    )


def _profiles(choice: Choice) -> tuple[Side, Side]:
    taxonomy = session.loop().taxonomy()
    options = list(taxonomy.profiles)
    with st.container(horizontal=True):
        one, two = (
            st.selectbox(
                label,
                options,
                n,
                format_func=lambda p: labels.profile(taxonomy, p),
                key=f"compare_profile_{n}",
                width=220,
            )
            for n, label in enumerate(("First", "Second"))
        )

    def side(profile_id: str) -> Side:
        name = labels.profile(taxonomy, profile_id)
        return name, _load(choice, profile=profile_id), choice.query(profile=profile_id)

    return side(one), side(two)


def _batches(_: Choice) -> tuple[Side, Side] | None:
    known = {n: f"{name} (batch {n})" for n, (name, _) in session.loop().ingest.batch_names().items()}
    if len(known) < 2:
        st.info("There is only one batch so far; a comparison needs two.")
        return None
    with st.container(horizontal=True):
        one, two = (
            st.selectbox(label, list(known), n, format_func=known.__getitem__, key=f"compare_batch_{n}", width=320)
            for n, label in ((1, "First"), (0, "Second"))
        )

    def side(batch_id: int) -> Side:
        content = session.loop().analytics.content_of_batch(session.current_user(), batch_id)
        return known[batch_id], content, {"batch": str(batch_id)}

    return side(one), side(two)
