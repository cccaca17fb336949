from __future__ import annotations

import plotly.express as px
import streamlit as st

import pages
from pages.common import charts
from pages.common.session import current_user, guard, language, loop, tag_label
from tagging_core import insights
from tagging_core.people import Action

guard(Action.REPORT)
tagloop, user = loop(), current_user()
taxonomy = tagloop.taxonomy()
TOP = 12

st.title("Trends")
days = charts.period()
with tagloop.database.read() as connection:
    totals = insights.overview(connection, user, days)
    table = insights.tags_by_day(connection, user, taxonomy, days)

with st.container(horizontal=True):
    st.metric("Pictures uploaded", f"{totals.uploaded:,}", border=True)
    st.metric("Reviewed", f"{totals.reviewed:,}", border=True)
    st.metric("Tags given", f"{int(table['pictures'].sum()):,}", border=True)
    st.metric("Waiting for review", f"{totals.review.waiting:,}", border=True, help="Now, whatever the period")

if table.empty:
    st.info("Nothing was tagged in this period. Charts appear with the first accepted tag.")
    if user.may(Action.REVIEW):
        st.page_link(pages.REVIEW, label="Review pictures", icon=":material/check_circle:")
    st.stop()

table["tag"] = [tag_label(taxonomy.tags[t]) for t in table["tag_id"]]
table["category"] = [taxonomy.categories[c].name(language()) for c in table["category_id"]]
given = int(table["pictures"].sum())
behind = f"{given:,} accepted or added tags, by day of the decision"

left, right = st.columns(2, gap="medium")
with left:
    by_category = (
        table.groupby(["day", "category"], as_index=False)["pictures"].sum().rename(columns={"pictures": "n"})
    )
    figure = charts.stacked_days(by_category, "category", "share of tags, %", share=True)
    charts.show(figure, "What the content is about: share of each category", behind, "trend_categories")
with right:
    most = table.groupby(["category", "tag"], as_index=False)["pictures"].sum().nlargest(TOP, "pictures")
    figure = px.bar(
        most, x="pictures", y="tag", color="category", orientation="h", labels={"tag": "", "pictures": "pictures"}
    )
    figure.update_yaxes(categoryorder="total ascending")
    charts.show(figure, f"The {len(most)} most given tags", behind, "trend_top")

leading = list(most["tag"][:8])
daily = table[table["tag"].isin(leading)].groupby(["day", "tag"], as_index=False)["pictures"].sum()
figure = charts.stacked_days(daily.rename(columns={"pictures": "n"}), "tag", "pictures")
charts.show(figure, "Tags per day", f"The {len(leading)} most given tags", "trend_tags")
with st.expander("The numbers"):
    st.dataframe(table[["day", "category", "tag", "pictures"]], hide_index=True)
