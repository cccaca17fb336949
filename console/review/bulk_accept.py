"""Bulk accept: accept every suggestion above its precision threshold, with a preview and a single undo."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from console import image_routes, session
from console.review import actions
from console.review import state as review_state
from tagging_core.review.bulk_accept import POOL, BulkOffer, BulkPreview

state = st.session_state

_TARGETS = (0.9, 0.95, 0.97, 0.99)
_SAMPLES = 16


@session.dialog("Accept many at once", width="large", icon=":material/playlist_add_check:", on_dismiss="rerun")
def draw_bulk() -> None:
    """Draw the choice of a target, its preview, and the button that runs it."""
    session.show_error()
    target = st.segmented_control(
        "Target precision of the accepted tags",
        _TARGETS,
        default=0.97,
        format_func=lambda t: f"{t:.0%}",
        key="review_target",
        required=True,
        on_change=_cancel,
    )
    if state.get("review_accepting"):
        _run(target)
        return
    found = _preview(target)
    more = f" At most {POOL:,} pictures are checked at a time." if found.looked_at == POOL else ""
    st.caption(f"{found.looked_at:,} waiting pictures were checked, without the blind sample.{more}")
    chosen = _choose(found.allowed)
    tags, seen = sum(len(o.pictures) for o in chosen), {a for o in chosen for a, _ in o.pictures}
    _draw_refused([offer for offer in found.offers if not offer.allowed])
    if chosen:
        _draw_least_certain(chosen)
    st.button(
        f"Accept {tags:,} tags on {len(seen):,} pictures" if chosen else "Nothing can be accepted yet",
        on_click=_start,
        args=(chosen,),
        type="primary",
        disabled=not chosen,
        icon=":material/done_all:",
    )


def _preview(target: float) -> BulkPreview:
    key = (session.loop().model.library.matrix().revision, review_state.view(), target)
    kept = state.get("review_preview")
    if kept is None or kept[0] != key:
        with st.spinner("Checking waiting pictures ..."):
            kept = (key, session.loop().bulk.preview(session.current_user(), review_state.view(), target))
        state["review_preview"] = kept
    return kept[1]


def _choose(offers: list[BulkOffer]) -> list[BulkOffer]:
    """Let the user untick tags; returns the offers that stay ticked."""
    if not offers:
        return []
    table = pd.DataFrame(
        {
            "Accept": True,
            "Tag": [_name(offer.tag_id) for offer in offers],
            "Pictures": [len(offer.pictures) for offer in offers],
            "From": [offer.cut.probability for offer in offers],
            "Right so far": [f"{offer.cut.right:,} of {offer.cut.accepted:,}" for offer in offers],
        }
    )
    edited = st.data_editor(
        table,
        key="review_offers",
        hide_index=True,
        disabled=["Tag", "Pictures", "From", "Right so far"],
        column_config={
            "From": st.column_config.NumberColumn(format="percent", help="Accepted at this probability or more"),
            "Right so far": st.column_config.TextColumn(
                help="Decisions about this tag, or about all tags where it has too few"
            ),
        },
    )
    return [offer for offer, wanted in zip(offers, edited["Accept"], strict=True) if wanted]


def _draw_refused(offers: list[BulkOffer]) -> None:
    if not offers:
        return
    with st.expander(f"{len(offers)} tags still need a person", icon=":material/lock:", expanded=len(offers) < 4):
        table = pd.DataFrame(
            {
                "Tag": [_name(offer.tag_id) for offer in offers],
                "Suggested on": [len(offer.pictures) for offer in offers],
                "Why": [offer.cut.reason for offer in offers],
            }
        )
        st.dataframe(table.style.set_properties(color="gray"), hide_index=True)


def _draw_least_certain(offers: list[BulkOffer]) -> None:
    """Draw the least certain suggestions: if these are right, the others most likely are."""
    weakest = sorted((p, a, offer.tag_id) for offer in offers for a, p in offer.pictures)[:_SAMPLES]
    known = {a.id: a for a in session.loop().assets.get_many([a for _, a, _ in weakest])}
    st.caption("The least certain suggestions that would be accepted")
    cells = "".join(
        '<figure style="margin:0;width:92px"><img '
        f'src="{image_routes.thumbnail(known[a])}" alt="{image_routes.alt_html(known[a])}" '
        'style="width:92px;height:92px;object-fit:cover;border-radius:6px"><figcaption style="font-size:.75rem">'
        f"{escape(_name(tag_id))} {p:.0%}</figcaption></figure>"
        for p, a, tag_id in weakest
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:8px">{cells}</div>')


def _run(target: float) -> None:
    """Accept in chunks; Stop keeps what was accepted so far, and one undo reverts all of it."""
    offers: list[BulkOffer] = state["review_accepting"]
    total, done = sum(len(offer.pictures) for offer in offers), 0
    bar = st.progress(0.0, f"Accepting {total:,} tags ...")
    stop = st.empty()
    stop.button("Stop", on_click=_cancel)
    for act in session.loop().bulk.accept_many(
        session.current_user(), offers, state["review_profile"], target=target
    ):
        done += len(act.event_ids)
        bar.progress(min(1.0, done / max(1, total)), f"{done:,} of {total:,} tags accepted")
    state["review_accepting"] = None
    stop.empty()
    st.success(f"{done:,} tags were accepted.", icon=":material/check:")
    st.button("Undo all", on_click=actions.undo_last, icon=":material/undo:")


def _start(offers: list[BulkOffer]) -> None:
    state["review_accepting"] = offers
    review_state.release()
    state["review_page"] = state["review_groups"] = None


def _cancel() -> None:
    state["review_accepting"] = None


def _name(tag_id: str) -> str:
    return session.tag_label(session.loop().taxonomy().tag(tag_id))
