"""People page: throughput, agreement and reversed decisions by reviewer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from console import charts, page_paths, session
from console.insights import bar_charts, filters, help_texts
from tagging_core.analytics.productivity import FEW
from tagging_core.common import Action, wilson

session.guard(Action.REPORT)
loop, user = session.loop(), session.current_user()


def share(name: str, n: str) -> list[float | None]:
    scale = 1 if name == "an_hour" else 100
    return [scale * s if c >= FEW else None for s, c in zip(table[name], table[n], strict=True)]


def draw_shares(name: str, n: str, title: str, axis: str) -> None:
    part = table[table[n] > 0]
    if part.empty:
        st.caption(f"{title}: no data yet.")
        return
    limits = [wilson(s * c, c) for s, c in zip(part[name], part[n], strict=True)]
    drawn = pd.DataFrame(
        {"share": part[name], "low": [a for a, _ in limits], "high": [b for _, b in limits], "n": part[n]}
    )
    charts.show(
        bar_charts.dot_plot(list(part["person"]), drawn, axis, enough=FEW),
        title,
        f"{int(part[n].sum()):,} {'tags' if name == 'agreement' else 'decisions'}; grey: fewer than {FEW}",
        f"people_{name}",
        explain=help_texts.PEOPLE,
        table=lambda: drawn.assign(person=part["person"]),
        height=110 + 30 * len(part),
    )


st.title("People")
choice = filters.draw("people")
table = loop.analytics.people(user, choice.period)
if table.empty:
    charts.draw_empty("Nobody reviewed anything in this period.")
    st.stop()
with st.container(border=True):
    charts.draw_head(
        "Work by person",
        "choose a person to see their pictures",
        "people",
        explain=help_texts.PEOPLE,
        table=lambda: table,
        pictures=choice.query(),
    )
    shown = pd.DataFrame(
        {
            "Person": table["person"],
            "Finished": table["pictures"],
            "Hours": table["hours"],
            "Pictures per hour": share("an_hour", "closed"),
            "Agreement": share("agreement", "compared"),
            "Changed by others": share("changed", "given"),
            "Decisions": table["given"],
        }
    )
    picked = st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "Hours": st.column_config.NumberColumn(format="%.1f"),
            "Pictures per hour": st.column_config.NumberColumn(format="%.0f"),
            "Agreement": st.column_config.NumberColumn(format="%.1f%%"),
            "Changed by others": st.column_config.NumberColumn(format="%.1f%%"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key="people_rows",
    )
for row in picked.selection.rows:
    st.switch_page(page_paths.PICTURES, query_params=choice.query(what="done", by=str(table.iloc[row]["person"])))
left, right = st.columns(2, gap="medium")
with left:
    draw_shares("agreement", "compared", "Agreement in second opinions", "share of tags on which both agreed")
with right:
    draw_shares("changed", "given", "Changed by others later", "share of decisions")
