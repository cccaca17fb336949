from __future__ import annotations

import pandas as pd
import streamlit as st

import pages
from pages.common import charts
from pages.common.session import current_user, guard, language, loop, tag_label
from tagging_core import insights
from tagging_core.people import Action

guard(Action.REPORT)
tagloop, user = loop(), current_user()
taxonomy = tagloop.taxonomy()


def percent(share: float) -> str:
    return f"{share:.0%}"


st.title("Accuracy")
days = charts.period()
with tagloop.database.read() as connection:
    totals = insights.overview(connection, user, days)
    table = insights.accuracy(connection, user, taxonomy, days)

judged = totals.accepted + totals.rejected
with st.container(horizontal=True):
    if totals.agreement is None:
        st.metric("Suggestions that were right", "–", border=True)
    else:
        low, high = insights.wilson(totals.accepted, judged)
        st.metric(
            "Suggestions that were right",
            percent(totals.agreement),
            delta=f"{percent(low)} to {percent(high)} with 95 % certainty",
            delta_color="off",
            delta_arrow="off",
            border=True,
            help="Of the suggestions a person accepted or rejected. As shown: a person who sees a suggestion is "
            "inclined to accept it, so the truth is rather a little lower.",
        )
    st.metric("Accepted", f"{totals.accepted:,}", border=True)
    st.metric("Rejected", f"{totals.rejected:,}", border=True)
    st.metric("Added by hand", f"{totals.added:,}", border=True, help="Tags the machine missed")

if table.empty:
    st.info("Nobody has judged a suggestion in this period. Figures appear with the first decision.")
    if user.may(Action.REVIEW):
        st.page_link(pages.REVIEW, label="Review pictures", icon=":material/check_circle:")
    st.stop()

VERDICTS = ["accepted", "rejected", "added"]
by_day = table.groupby("day", as_index=False)[VERDICTS].sum().melt("day", var_name="verdict", value_name="n")
left, right = st.columns(2, gap="medium")
with left:
    figure = charts.stacked_days(by_day, "verdict", "decisions")
    charts.show(
        figure, "What became of suggestions, by day", f"{judged + totals.added:,} decisions", "accuracy_days"
    )
by_tag = table.groupby(["category_id", "tag_id"], as_index=False)[VERDICTS].sum()
by_tag["judged"] = by_tag["accepted"] + by_tag["rejected"]
by_tag["tag"] = [tag_label(taxonomy.tags[t]) for t in by_tag["tag_id"]]
by_tag["category"] = [taxonomy.categories[c].name(language()) for c in by_tag["category_id"]]
with right:
    most = by_tag.nlargest(12, VERDICTS).melt(["tag"], VERDICTS, "verdict", "n")
    figure = charts.px.bar(
        most, x="n", y="tag", color="verdict", orientation="h", labels={"n": "decisions", "tag": ""}
    )
    figure.update_yaxes(categoryorder="total ascending")
    charts.show(
        figure, "The most decided tags", "Accepted, rejected, and added where it was missing", "accuracy_tags"
    )

bounds = [insights.wilson(int(a), int(n)) for a, n in zip(by_tag["accepted"], by_tag["judged"], strict=True)]
shown = pd.DataFrame(
    {
        "Tag": by_tag["tag"],
        "Category": by_tag["category"],
        "Accepted": by_tag["accepted"],
        "Rejected": by_tag["rejected"],
        "Added": by_tag["added"],
        "Right": [a / n if n else None for a, n in zip(by_tag["accepted"], by_tag["judged"], strict=True)],
        "95 % interval": [f"{percent(low)} to {percent(high)}" for low, high in bounds],
    }
)
st.markdown("**Every tag**")
st.dataframe(
    shown.sort_values(["Rejected", "Accepted"], ascending=False),
    hide_index=True,
    column_config={"Right": st.column_config.NumberColumn(format="percent")},
)
