"""Accept many: every suggestion that will be right so many times in 100, seen before it is done, undone as one."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from console import image_routes, session
from console.review import actions
from console.review import state as place
from tagging_core.review.bulk_accept import POOL, BulkOffer, BulkPreview

state = st.session_state

_TARGETS = (0.9, 0.95, 0.97, 0.99)
_SAMPLES = 16


@st.dialog("Accept many at once", width="large", icon=":material/playlist_add_check:", on_dismiss="rerun")
def draw_bulk() -> None:
    """Draw the choice of a target, what it would accept, and the act."""
    session.show_error()
    target = st.segmented_control(
        "Of 100 accepted tags, at least so many will be right",
        _TARGETS,
        default=0.97,
        format_func=lambda t: f"{t:.0%}",
        key="review_target",
        required=True,
        on_change=_forget,
    )
    if state.get("review_accepting"):
        _carry_out(target)
        return
    found = _preview(target)
    more = f" It looks at {POOL:,} pictures at a time." if found.looked_at == POOL else ""
    st.caption(f"{found.looked_at:,} waiting pictures were looked at, none of the blind sample.{more}")
    chosen = _choose(found.allowed)
    tags, seen = sum(len(o.pictures) for o in chosen), {a for o in chosen for a, _ in o.pictures}
    _draw_refused([offer for offer in found.offers if not offer.allowed])
    if chosen:
        _draw_least_sure(chosen)
    st.button(
        f"Accept {tags:,} tags on {len(seen):,} pictures" if chosen else "Nothing can be accepted yet",
        on_click=_accept,
        args=(chosen,),
        type="primary",
        disabled=not chosen,
        icon=":material/done_all:",
    )


def _preview(target: float) -> BulkPreview:
    key = (session.loop().model.library.matrix().revision, place.view(), target)
    kept = state.get("review_preview")
    if kept is None or kept[0] != key:
        with st.spinner("Looking at what waits ..."):
            kept = (key, session.loop().bulk.preview(session.current_user(), place.view(), target))
        state["review_preview"] = kept
    return kept[1]


def _choose(offers: list[BulkOffer]) -> list[BulkOffer]:
    """Which of the tags that history allows are accepted; all, unless somebody unticks one."""
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
            "From": st.column_config.NumberColumn(format="percent", help="Accepted from here on"),
            "Right so far": st.column_config.TextColumn(help="Of the tag, or of all tags where it has too few"),
        },
    )
    return [offer for offer, wanted in zip(offers, edited["Accept"], strict=True) if wanted]


def _draw_refused(offers: list[BulkOffer]) -> None:
    if not offers:
        return
    with st.expander(f"{len(offers)} tags stay for your eyes", icon=":material/lock:", expanded=len(offers) < 4):
        table = pd.DataFrame(
            {
                "Tag": [_name(offer.tag_id) for offer in offers],
                "Suggested on": [len(offer.pictures) for offer in offers],
                "Why": [offer.cut.reason for offer in offers],
            }
        )
        st.dataframe(table.style.set_properties(color="gray"), hide_index=True)


def _draw_least_sure(offers: list[BulkOffer]) -> None:
    """The weakest cases: whoever finds these right need not fear the others."""
    weakest = sorted((p, a, offer.tag_id) for offer in offers for a, p in offer.pictures)[:_SAMPLES]
    known = {a.id: a for a in session.loop().assets.get_many([a for _, a, _ in weakest])}
    st.caption("The least sure of what would be accepted")
    cells = "".join(
        '<figure style="margin:0;width:92px"><img '
        f'src="{image_routes.thumbnail(known[a])}" alt="{image_routes.alternative(known[a])}" '
        'style="width:92px;height:92px;object-fit:cover;border-radius:6px"><figcaption style="font-size:.75rem">'
        f"{escape(_name(tag_id))} {p:.0%}</figcaption></figure>"
        for p, a, tag_id in weakest
    )
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:8px">{cells}</div>')


def _carry_out(target: float) -> None:
    """Accept piece by piece; a stop keeps what was done, and one undo takes all of it back."""
    offers: list[BulkOffer] = state["review_accepting"]
    total, done = sum(len(offer.pictures) for offer in offers), 0
    bar = st.progress(0.0, f"Accepting {total:,} tags ...")
    stop = st.empty()
    stop.button("Stop", on_click=_forget)
    for act in session.loop().bulk.accept_many(session.current_user(), offers, state["review_profile"], target):
        done += len(act.event_ids)
        bar.progress(min(1.0, done / max(1, total)), f"{done:,} of {total:,} tags accepted")
    state["review_accepting"] = None
    stop.empty()
    st.success(f"{done:,} tags were accepted.", icon=":material/check:")
    st.button("Undo all of it", on_click=actions.take_back_last, icon=":material/undo:")


def _accept(offers: list[BulkOffer]) -> None:
    state["review_accepting"] = offers
    place.leave()
    state["review_page"] = state["review_groups"] = None


def _forget() -> None:
    state["review_accepting"] = None


def _name(tag_id: str) -> str:
    return session.tag_label(session.loop().taxonomy().tag(tag_id))
