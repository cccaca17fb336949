"""Savings page: review time with and without suggestions, and what the difference is worth."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from console import charts, session
from console.insights import filters, help_texts, line_charts
from tagging_core.analytics import productivity
from tagging_core.analytics.productivity import BY_HAND, FEW
from tagging_core.common import Action
from tagging_core.common.intervals import MeanEstimate

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()
MONTH = 365.25 / 12
LONGEST = 36


def seconds(found: MeanEstimate) -> str:
    return "–" if found.value is None else f"{found.value:.1f} s"


def spread(found: MeanEstimate, what: str) -> str:
    if found.low is None or found.high is None:
        return f"of {found.n:,} {what}"
    return f"{found.low:.1f} to {found.high:.1f} s; of {found.n:,} {what}"


st.title("Savings")
choice = filters.draw("savings")
times = productivity.times(loop.analytics.accuracy(user, choice.period))
if times.suggested.value is None:
    charts.draw_empty("No picture was timed in this period. Figures appear when a review is finished.")
    st.stop()

measurable = times.alone.n >= FEW
with st.container(horizontal=True, vertical_alignment="bottom"):
    key = filters.restore("measured", True, {"yes": True, "no": False}.get)
    measured = measurable and st.toggle("Use the blind sample's time", key=key)
    if measurable:
        filters.store("measured", measured, "yes" if measured else "no")
    by_hand = filters.draw_number(
        "Seconds per picture by hand",
        "hand",
        BY_HAND,
        note="Usually 30 to 60; used if nothing is measured",
        step=5.0,
    )
    hour = filters.draw_number(
        "Cost per working hour", "hour", 40.0, note="In your currency, overheads included", step=5.0
    )
    once = filters.draw_number("One-off costs", "once", 5000.0, note="Setup, hardware, training", step=500.0)
    monthly = filters.draw_number("Monthly costs", "monthly", 200.0, note="Hosting, maintenance", step=50.0)
if not measurable:
    st.caption(
        f"The blind sample has {times.alone.n:,} timed pictures in this period and needs at least {FEW}, so the "
        "time by hand is the assumption above."
    )
found = productivity.estimate_savings(times, None if measured else by_hand)
assert found is not None
months = choice.period.days / MONTH
saving = found.hours * hour / months
even = productivity.months_to_break_even(once, saving, monthly)
with st.container(horizontal=True):
    for label, value, note in (
        ("With suggestions", seconds(times.suggested), spread(times.suggested, "pictures")),
        (
            "Without",
            f"{found.by_hand:.1f} s",
            spread(times.alone, "in the blind sample") if found.measured else "assumed",
        ),
        (
            "Hours saved",
            f"{found.hours:,.1f}",
            f"{found.low:,.1f} to {found.high:,.1f} in {choice.period}"
            if found.low is not None and found.high is not None
            else f"in {choice.period}",
        ),
        ("Saved per month", f"{saving:,.0f}", f"before {monthly:,.0f} of monthly costs"),
        (
            "Break-even after",
            "–" if even is None else f"{even:,.1f} months",
            "never, at this period's rate" if even is None else "at this period's rate",
        ),
    ):
        with st.container(border=True, gap="xxsmall"):
            st.metric(label, value, help=help_texts.TIMES)
            st.caption(note)
span = list(range(LONGEST + 1))
spent = [once + monthly * month for month in span]
gained = [max(0.0, saving) * month for month in span]
charts.show(
    line_charts.cumulative_money(span, spent, gained),
    "Spent and saved",
    f"at the rate of {times.finished:,} finished pictures in {choice.period}",
    "savings",
    explain=help_texts.SAVINGS,
    table=lambda: pd.DataFrame({"month": span, "spent": spent, "saved": gained}),
    pictures=choice.query(what="assisted"),
)
