"""History page: changes of the tag library to undo, past versions, import and export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from console import session
from console.tags import change_preview, import_export
from tagging_core.common import Action
from tagging_core.curation import plans
from tagging_core.ledger.taxonomy_history import ChangeSet

session.guard(Action.CURATE)
_PAGE = 30


def draw_act(act: ChangeSet) -> None:
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="center"):
        decided = f", {act.decided:,} decisions" if act.decided else ""
        st.markdown(
            f"**{session.plain(act.title)}**  \n:gray[{session.plain(act.actor)}, "
            f"{act.at:%d %b %Y %H:%M} UTC, {act.items:,} {'item' if act.items == 1 else 'items'}{decided}]",
            width="stretch",
        )
        st.button("Details", key=f"details_{act.event_id}", on_click=show, args=(act,), type="tertiary")
        st.button(
            "Undo",
            key=f"undo_{act.event_id}",
            on_click=change_preview.undo,
            args=(act.id, act.title),
            icon=":material/undo:",
            disabled=not act.undoable,
            help="Restores everything that it changed",
        )


@session.dialog("Details", width="large")
def show(act: ChangeSet) -> None:
    changes = session.loop().curation.history.changes_of(act.id) if act.id else act.changes
    change_preview.draw_changes(changes)


def draw_versions() -> None:
    """Draw the tag library at a past time, compared with today."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        now = datetime.now(UTC) - timedelta(hours=1)
        day = st.date_input("As it was on", now.date(), max_value="today", key="version_day", width=200)
        hour = st.time_input("At (UTC)", now.time().replace(second=0), key="version_time", width=160, step=60)
    moment = datetime.combine(day, hour)
    name = f"{moment:%d %b %Y %H:%M}"
    began = session.loop().curation.history.first_change_at()
    if moment < began:
        st.info(f"There was no tag library yet: it was created on {began:%d %b %Y} at {began:%H:%M} UTC.")
        return
    changes = session.loop().curation.history.changes_since(moment)
    if not changes:
        st.info("The tag library has not changed since then.")
    else:
        items = "1 item is" if len(changes) == 1 else f"{len(changes):,} items are"
        st.markdown(f"**{items} different today**")
        change_preview.draw_changes(changes)
        with st.expander("Restore the library as it was", icon=":material/restore:"):
            st.caption("Later changes are reverted by new entries in the history; nothing is erased.")
            change_preview.draw_plan(plans.restore(changes, name), f"Restore {name}", "restore")
    if st.toggle("Show the whole library at that time", key="version_whole"):
        then = session.loop().curation.history.taxonomy_at(moment)
        rows = [
            {
                "Tag": session.tag_label(tag),
                "Category": then.categories[tag.category_id].name(session.language()),
                "State": tag.state,
                "Aliases": ", ".join(w for w in tag.words() if w != session.tag_label(tag)),
                "Id": tag.id,
            }
            for tag in then.tags.values()
            if tag.category_id in then.categories
        ]
        st.caption(f"{len(rows):,} tags in {len(then.categories):,} categories")
        st.dataframe(rows, hide_index=True, height=420)


st.title("History")
change_preview.draw_last_change()
acts, past, moving = st.tabs(["Changes", "Versions", "Import and export"], key="show", bind="query-params")
with acts:
    before = st.session_state.get("history_before")
    found = session.loop().curation.history.recent(_PAGE, before)
    if not found:
        st.info("Nobody has changed the tag library yet. Every change will be listed here and can be undone.")
    for entry in found:
        draw_act(entry)
    with st.container(horizontal=True):
        if before and st.button("Latest"):
            st.session_state["history_before"] = None
            st.rerun()
        if len(found) == _PAGE and st.button("Earlier"):
            st.session_state["history_before"] = found[-1].event_id
            st.rerun()
if past.open:
    with past:
        draw_versions()
if moving.open:
    with moving:
        import_export.draw()
