"""Drift page: whether new pictures differ from earlier ones, and which tags' shares changed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from console import charts, page_paths, session
from console.insights import help_texts, labels, line_charts
from tagging_core.analytics import drift
from tagging_core.common import Action
from tagging_core.ledger.rollups.content import Basis

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()
taxonomy = loop.taxonomy()

st.title("Drift")
checks = loop.analytics.drift_checks(user)
now, reference = drift.periods(loop.analytics.today())
if not checks:
    st.info("The first check runs within minutes while the console is open and idle.")
    st.stop()
last = next(iter(checks.values()))
query = {"from": now.bounds[0], "to": now.bounds[1], "on": str(Basis.UPLOADED)}
older = {"from": reference.bounds[0], "to": reference.bounds[1], "on": str(Basis.UPLOADED)}
with st.container(border=True):
    if last.p is None:
        verdict = f"No result. {last.reason}"
    elif last.alarm:
        verdict = f"**New pictures differ from earlier ones** (p = {last.p:.3f})."
    else:
        verdict = f"New pictures resemble earlier ones (p = {last.p:.2f})."
    charts.draw_head(
        "Do new pictures differ from earlier ones?",
        f"{last.pictures[0]:,} of the last {drift.NOW} days, {last.pictures[1]:,} of the {drift.REFERENCE} before",
        "drift_verdict",
        explain=help_texts.DRIFT,
    )
    st.markdown(verdict)
    with st.container(horizontal=True):
        for label, params in (("New pictures", query), ("Earlier pictures", older)):
            st.page_link(
                page_paths.PICTURES,
                label=label,
                icon=":material/photo_library:",
                query_params=params | {"what": "upload"},
            )
p_values = {day: check.p for day, check in reversed(checks.items()) if check.p is not None}
if p_values:
    charts.show(
        line_charts.drift_p_values(list(p_values), list(p_values.values()), drift.FALSE_ALARMS),
        "Daily checks",
        f"{len(p_values):,} checks; a point below the dotted line is an alarm",
        "drift_days",
        explain=help_texts.DRIFT,
        table=lambda: pd.DataFrame({"day": list(p_values), "p": list(p_values.values())}),
        height=260,
    )
names = labels.tags(taxonomy, [tag.tag_id for tag in last.tags])
with st.container(border=True):
    charts.draw_head(
        "Tags whose share changed" if names else "No tag's share changed significantly",
        "of finished pictures, by the day they were uploaded",
        "drift_tags",
        explain=help_texts.DRIFT,
    )
    for drifted in last.tags:
        if drifted.tag_id in names:
            st.page_link(
                page_paths.PICTURES,
                label=f"{session.plain(names[drifted.tag_id])}: from {drifted.before:.1%} to {drifted.now:.1%}",
                icon=":material/arrow_upward:" if drifted.now > drifted.before else ":material/arrow_downward:",
                query_params=query | {"tag": drifted.tag_id},
                help=f"{drifted.low * 100:+.1f} to {drifted.high * 100:+.1f} points",
            )
