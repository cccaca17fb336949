"""A tag's page: its words, examples, accuracy and changes."""

from __future__ import annotations

import streamlit as st

from console import session
from console.tags import accuracy, backfill, dialogs, examples, tag_form
from tagging_core.common import Action
from tagging_core.curation import tag_health
from tagging_core.errors import NotFoundError
from tagging_core.ledger.taxonomy_history import label
from tagging_core.taxonomy import Tag


def draw(tag_id: str) -> None:
    """Draw the tag's page; the id of a merged tag shows the tag it was merged into."""
    st.button("All tags", icon=":material/arrow_back:", on_click=show_list, type="tertiary")
    taxonomy = session.loop().taxonomy()
    try:
        tag = taxonomy.tag(tag_id)
    except NotFoundError as error:
        session.draw_error(f"{error} It may have been deleted: see the library's history.")
        return
    if tag.id != tag_id:
        st.info(f"{session.plain(tag_id)} was merged into this tag; its id redirects here.")
    category = taxonomy.categories[tag.category_id]
    st.title(session.plain(session.tag_label(tag)), anchor=False)
    _draw_badges(tag, category.name(session.language()), category.exclusive)
    _draw_metrics(tag)
    if session.current_user().may(Action.CURATE):
        _draw_actions(tag)
    words, pictures, right, changes = st.tabs(
        ["Words", "Pictures", "Accuracy", "Changes"], key="tab", bind="query-params"
    )
    with words:  # drawn even when closed, so that unsaved input is kept
        tag_form.draw(f"tag_{tag.id}", tag)
    if pictures.open:
        with pictures:
            examples.draw(tag)
            backfill.draw_offer(tag)
    if right.open:
        with right:
            accuracy.draw(tag)
    if changes.open:
        with changes:
            _draw_changes(tag)


def show_list() -> None:
    """Go back to the list, and clear its selection."""
    st.query_params.pop("tag", None)
    for key in [k for k in st.session_state if str(k).startswith("tags_table_")]:
        del st.session_state[key]


def _draw_badges(tag: Tag, category: str, exclusive: bool) -> None:
    taxonomy = session.loop().taxonomy()
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        parent = taxonomy.tags.get(tag.parent_id or "")
        place = f"{category} › {session.tag_label(parent)}" if parent else category
        st.badge(session.plain(place), color="blue")
        if exclusive:
            st.badge("exclusive", color="gray", help="At most one tag of this category applies to a picture")
        if tag.state != "active":
            st.badge({"proposed": "proposed", "deprecated": "not in use"}.get(tag.state, tag.state), color="orange")
        if tag.sensitive:
            st.badge("sensitive", color="red", icon=":material/warning:")
        st.caption(f"`{tag.id}`")


def _draw_metrics(tag: Tag) -> None:
    state = session.loop().curation.health.of([tag.id])[tag.id]
    low, high = state.interval
    precision = "–" if state.precision is None else f"{state.precision:.0%}"
    between = f"{low:.0%} to {high:.0%}" if state.judged else None
    differs = "–" if state.disagreement is None else f"{state.disagreement:.0%}"
    change = state.given - state.given_before
    with st.container(horizontal=True):
        st.metric(
            "Pictures",
            f"{state.pictures:,}",
            change or None,
            width=170,
            help=f"Below: added in the last {tag_health.PERIOD} days, compared with the same period before",
        )
        st.metric("Rejected", f"{state.rejected:,}", width=130)
        st.metric(
            "Precision",
            precision,
            between,
            delta_color="off",
            delta_arrow="off",
            width=170,
            help=f"Of {state.judged:,} suggestions judged in the last year; below, the 95 % interval",
        )
        st.metric(
            "Second opinions differ", differs, width=220, help=f"Of {state.compared:,} that concerned this tag"
        )


def _draw_actions(tag: Tag) -> None:
    with st.container(horizontal=True):
        st.button("Merge …", icon=":material/merge:", on_click=dialogs.merge, args=(tag.id,))
        st.button("Split …", icon=":material/call_split:", on_click=dialogs.split, args=(tag.id,))
        st.button("Move …", icon=":material/drive_file_move:", on_click=dialogs.move, args=(tag.id,))
        if tag.state == "active":
            word, state, icon = "Take out of use …", "deprecated", ":material/visibility_off:"
        else:
            word, state, icon = "Put back into use …", "active", ":material/visibility:"
        st.button(word, icon=icon, on_click=dialogs.set_state, args=(tag.id, state))
        st.button("Delete …", icon=":material/delete:", on_click=dialogs.delete, args=(tag.id,))


def _draw_changes(tag: Tag) -> None:
    found = session.loop().curation.history.recent(limit=20, tag_id=tag.id)
    if not found:
        st.info("Nobody has changed it since it came with the starter library.")
    for act in found:
        change = next((c for c in act.changes if c.after.id == tag.id), act.changes[0])
        fields = ", ".join(label(name) for name, _, _ in change.fields())
        with st.container(border=True):
            st.markdown(
                f"**{session.plain(act.title)}** :gray[{session.plain(act.actor)}, "
                f"{act.at:%d %b %Y %H:%M} UTC]  \n:gray[{fields}]"
            )
