"""Explanation of a suggestion: the decided pictures that speak for and against it, each of which can be dropped."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import image_routes, session
from console.review import actions
from tagging_core import TaggingError
from tagging_core.assets import Asset, Rendition
from tagging_core.learning.explanations import Evidence, Explanation
from tagging_core.ledger import Label

_MOST = 12


def draw_explanation(asset_id: int, tag_id: str) -> None:
    """Draw the examples behind a tag's probability in two rows, largest contribution first."""
    found = session.loop().review.explain(asset_id, tag_id, limit=_MOST)
    if not found.evidence:
        st.caption(f"Based on {_start(found)}: nobody decided about it yet.")
        return
    ids = [e.asset_id for e in found.evidence]
    known = {a.id: a for a in session.loop().assets.get_many(ids)}
    labels = session.loop().assets.labels(ids)
    for title, row in (
        ("Looks like these", [e for e in found.evidence if e.logit > 0]),
        ("Unlike these", [e for e in found.evidence if e.logit <= 0]),
    ):
        if row:
            st.markdown(f"**{title}**")
            _draw_row(row, known, {a: labels.get(a, {}).get(tag_id) for a in ids})
    with st.expander("Details"):
        what, start, decided = _start(found), f"{found.prior_logit:+.1f}", f"{found.examples_logit:+.1f}"
        st.caption(f"{what.capitalize()} contributes {start}, past decisions {decided}: above 0 is for it.")
        st.caption(", ".join(f"{known[e.asset_id].id}: {e.logit:+.2f}" for e in found.evidence))


def _draw_row(row: Sequence[Evidence], known: dict[int, Asset], labels: dict[int, Label | None]) -> None:
    with st.container(horizontal=True, gap="small"):
        for evidence in row:
            with st.container(width=96, gap="xxsmall"):
                _draw_picture(known[evidence.asset_id], "has it" if evidence.applies else "does not have it")
                if label := labels[evidence.asset_id]:
                    st.button(
                        "Drop",
                        key=f"drop_{evidence.asset_id}",
                        on_click=actions.undo,
                        args=(label.event_id,),
                        type="tertiary",
                        icon=":material/undo:",
                        help="A bad example: undo that decision, so that nothing is learned from it",
                    )


def _draw_picture(picture: Asset, decided: str) -> None:
    try:
        shown = image_routes.load(Rendition.THUMBNAIL, picture.sha256)
    except (FileNotFoundError, TaggingError):
        st.caption(f"{decided}; its file cannot be read")
    else:
        st.image(shown, width=96, caption=decided, alt=decided)


def _start(found: Explanation) -> str:
    if found.photos:
        return f"a classifier learned before delivery from {found.photos:,} labelled photos"
    return "the tag's name and description alone"
