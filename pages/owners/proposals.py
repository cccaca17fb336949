"""Proposals page: suggested changes of the tag library, with their evidence."""

from __future__ import annotations

import streamlit as st

from console import session
from console.tags import backfill as backfill
from console.tags import change_preview, dismissed_proposals, proposals
from tagging_core.common import Action

session.guard(Action.REVIEW)
st.title("Proposals")
change_preview.draw_last_change()
dismissed_proposals.draw_dismissed()
st.caption("Changes that Tagloop suggests, based on people's decisions. Nothing is applied without your approval.")

loop = session.loop()
proposed = [tag for tag in loop.taxonomy().tags.values() if tag.state == "proposed"]
waiting = loop.curation.proposals.counts()
fills = loop.curation.backfills.listed()
waiting["new"] = waiting.get("new", 0) + len(proposed)
waiting["backfill"] = len(fills)
kind = st.segmented_control(
    "Kind",
    list(proposals.TITLES),
    default=next((k for k in proposals.TITLES if waiting.get(k)), "synonyms"),
    format_func=lambda k: f"{proposals.TITLES[k]} ({waiting.get(k, 0):,})",
    key="proposals_kind",
    required=True,
    label_visibility="collapsed",
    persist_state="session",
)
st.markdown(proposals.EXPLAINED[kind])
if not waiting.get(kind):
    st.info(proposals.NOTHING)
elif kind == "backfill":
    for found in fills:
        backfill.draw_backfill(found)
else:
    if kind == "new":
        for tag in proposed:
            proposals.draw_typed(tag)
    listed = loop.curation.proposals.listed(kind, proposals.PAGE)
    proposals.draw(kind, listed)
    if waiting[kind] > len(listed) + len(proposed):
        st.caption(f"The top {len(listed)} of {waiting[kind]:,}; others follow as these are resolved.")
