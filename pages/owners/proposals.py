from __future__ import annotations

import streamlit as st

from pages.common import session
from pages.owners.curating import backfilling, consequences, proposing
from tagging_core.curation import backfill
from tagging_core.curation.proposals import proposal
from tagging_core.people import Action

session.guard(Action.REVIEW)
st.title("Proposals")
consequences.draw_last()
proposing.draw_dismissed()
st.caption("What Tagloop noticed about the library while people worked. Nothing is done without your word.")

loop = session.loop()
proposed = [tag for tag in loop.taxonomy().tags.values() if tag.state == "proposed"]
with loop.database.read() as connection:
    waiting = proposal.counts(connection)
    fills = backfill.listed(connection)
waiting["new"] = waiting.get("new", 0) + len(proposed)
waiting["backfill"] = len(fills)
kind = st.segmented_control(
    "Kind",
    list(proposing.TITLES),
    default=next((k for k in proposing.TITLES if waiting.get(k)), "synonyms"),
    format_func=lambda k: f"{proposing.TITLES[k]} ({waiting.get(k, 0):,})",
    key="proposals_kind",
    required=True,
    label_visibility="collapsed",
    persist_state="session",
)
st.markdown(proposing.EXPLAINED[kind])
if not waiting.get(kind):
    st.info(proposing.NOTHING)
elif kind == "backfill":
    for found in fills:
        backfilling.draw_backfill(found)
else:
    if kind == "new":
        for tag in proposed:
            proposing.draw_typed(tag)
    with loop.database.read() as connection:
        listed = proposal.listed(connection, kind, proposing.PAGE)
    proposing.draw(kind, listed)
    if waiting[kind] > len(listed) + len(proposed):
        st.caption(f"The weightiest {len(listed)} of {waiting[kind]:,}; the others follow as these are answered.")
