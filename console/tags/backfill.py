"""Back-fill: scan reviewed pictures for a new or changed tag, and review what the scan found."""

from __future__ import annotations

import streamlit as st

from console import gallery, session
from tagging_core import TaggingError
from tagging_core.common import Action
from tagging_core.curation.backfill import Backfill
from tagging_core.taxonomy import Tag

_PAGE = 24


def draw_offer(tag: Tag) -> None:
    """Estimate how many reviewed pictures a tag affects, and offer to queue them."""
    loop = session.loop()
    st.markdown("**Pictures reviewed earlier**")
    known = next((b for b in loop.curation.backfills.listed() if b.tag_id == tag.id), None)
    if known is not None:
        draw_backfill(known)
        return
    if not session.current_user().may(Action.CURATE) or tag.state != "active":
        return
    key = f"estimate_{tag.id}"
    if key not in st.session_state:
        st.button(
            "Estimate how many are affected", on_click=_estimate, args=(tag.id, key), icon=":material/search:"
        )
        return
    found = st.session_state[key]
    st.markdown(
        f"About **{found.needs:,}** of {found.reviewed:,} reviewed pictures probably need it, **{found.loses:,}** "
        f"should probably lose it :gray[(from a sample of {found.looked_at:,})]. Nothing changes until somebody "
        "has looked at each of them."
    )
    st.button("Queue them for review", on_click=_start, args=(tag.id, key), type="primary")


def draw_backfill(found: Backfill) -> None:
    """Draw a scan's progress, and buttons to review what it found."""
    tag = session.loop().taxonomy().tags.get(found.tag_id)
    if tag is None:
        return
    name = session.plain(session.tag_label(tag))
    progress = f"scanning, {found.looked_at:,} pictures so far" if found.running else f"{found.looked_at:,} scanned"
    with st.container(border=True):
        st.markdown(f"**{name}** :gray[back-fill by {session.plain(found.actor)}, {progress}]")
        with st.container(horizontal=True):
            for wanted, n, question in ((1, found.needs, "may need it"), (0, found.loses, "may have it wrongly")):
                st.button(
                    f"{n:,} {question}",
                    key=f"recheck_{found.tag_id}_{wanted}",
                    on_click=answer,
                    args=(found.tag_id, wanted),
                    disabled=not n,
                    icon=":material/checklist:",
                )
            if session.current_user().may(Action.CURATE):
                st.button(
                    "Close",
                    key=f"stop_{found.tag_id}",
                    on_click=_stop,
                    args=(found.tag_id,),
                    type="tertiary",
                    help="Discard what it found; nothing was changed, and it can be started again",
                )


@session.dialog("Back-fill", width="large", icon=":material/checklist:", on_dismiss="rerun")
def answer(tag_id: str, wanted: int) -> None:
    """Ask which pictures of a page have the tag."""
    session.show_error()
    loop = session.loop()
    waiting = loop.curation.backfills.waiting(tag_id, wanted, _PAGE)
    known = {a.id: a for a in loop.assets.get_many([asset_id for asset_id, _ in waiting])}
    tag = loop.taxonomy().tag(tag_id)
    if not waiting:
        st.success("That was the last one. Thank you.")
        return
    st.markdown(f"Select the pictures that **{session.plain(session.tag_label(tag))}** applies to.")
    if tag.definition:
        st.caption(session.plain(tag.definition))
    ids = [asset_id for asset_id, _ in waiting if asset_id in known]
    page = f"recheck/{tag_id}/{wanted}/{'-'.join(map(str, ids))}"
    chosen = gallery.selection(page, ids)
    st.button(
        f"It applies to {len(chosen)} of {len(ids)}",
        key="recheck_answer",
        type="primary",
        icon=":material/done_all:",
        on_click=_answer,
        args=(tag_id, wanted, page),
        kwargs={"ids": ids},
        help="The tag is rejected on the others. One undo for all, in Review.",
    )
    captions = {asset_id: f"{p:.0%}" for asset_id, p in waiting}
    gallery.draw(page, [(known[a], captions[a]) for a in ids], ids, label="Does the tag apply?", side=130)


def _answer(tag_id: str, wanted: int, page: str, *, ids: list[int]) -> None:
    try:
        applies = gallery.selection(page, ids)
        session.loop().curation.backfills.answer(session.current_user(), tag_id, wanted, asked=ids, applies=applies)
    except TaggingError as error:
        session.defer_error(error)


def _estimate(tag_id: str, key: str) -> None:
    try:
        st.session_state[key] = session.loop().curation.backfills.estimate(tag_id)
    except TaggingError as error:
        session.defer_error(error)


def _start(tag_id: str, key: str) -> None:
    st.session_state.pop(key, None)
    try:
        session.loop().curation.backfills.start(session.current_user(), tag_id)
    except TaggingError as error:
        session.defer_error(error)


def _stop(tag_id: str) -> None:
    session.loop().curation.backfills.stop(session.current_user(), tag_id)
