"""Compliance page: sensitive suggestions waiting for review, and copies of protected pictures."""

from __future__ import annotations

import streamlit as st

from console import page_paths, session
from console.tags import change_preview
from console.tags import sensitive as sensitive_view
from tagging_core.common import Action
from tagging_core.curation import sensitive_tags

session.guard(Action.REVIEW)
loop = session.loop()
taxonomy = loop.taxonomy()
may_curate = session.current_user().may(Action.CURATE)
waiting = loop.curation.sensitive_waiting()
alerts = loop.curation.protected.count_alerts()

st.title("Compliance")
change_preview.draw_last_change()
with st.container(horizontal=True):
    st.metric("Pictures with a sensitive suggestion", f"{sum(waiting.values()):,}", width=300)
    st.metric("Copies of protected pictures", f"{alerts:,}", width=260)
sensitive, guarded = st.tabs(["Sensitive tags", "Protected pictures"])
with sensitive:
    st.caption("Sensitive tags are always shown for review, and never accepted unseen or many at once.")
    if sensitive_tags.is_on(taxonomy):
        if may_curate:
            plan = sensitive_tags.switch_off(taxonomy)
            st.button("Switch off the built-in set", on_click=change_preview.apply, args=(plan,))
    else:
        st.info(
            "A built-in set of sensitive tags is available but off: nudity, violence, weapons, identity papers, "
            "minors, third-party logos and watermarks. Any other tag can be marked as sensitive on its own page."
        )
        sensitive_view.draw_false_alarms()
        if may_curate:
            st.button(
                "Switch them on",
                type="primary",
                on_click=change_preview.apply,
                args=(sensitive_tags.switch_on(taxonomy),),
                help="In every profile; can be undone",
            )
    for tag_id, n in waiting.items():
        sensitive_view.draw_tag(taxonomy.tags[tag_id], n)
    if waiting:
        sensitive_view.draw_false_alarms()
        if st.button("Go to Review", icon=":material/check_circle:"):
            st.switch_page(page_paths.REVIEW)
with guarded:
    sensitive_view.draw_protected(may_curate)
