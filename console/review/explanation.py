"""Explanation of a suggestion: the examples for and against it, each of which can be dropped."""

from __future__ import annotations

import streamlit as st

from console import image_routes, session
from console.review import actions
from tagging_core import TaggingError
from tagging_core.assets import Rendition


def draw_explanation(asset_id: int, tag_id: str) -> None:
    """Draw the examples behind a tag's probability, largest contribution first."""
    found = session.loop().review.explain(asset_id, tag_id, limit=6)
    learned = f"a classifier learned before delivery from {found.photos:,} labelled photos"
    if not found.evidence:
        basis = learned if found.photos else "the tag's name and description alone"
        st.caption(f"Based on {basis}: nobody decided about it yet.")
        return
    ids = [e.asset_id for e in found.evidence]
    known = {a.id: a for a in session.loop().assets.get_many(ids)}
    labels = session.loop().assets.labels(ids)
    what = learned.capitalize() if found.photos else "The tag's text"
    start, decided = f"{found.prior_logit:+.1f}", f"{found.examples_logit:+.1f}"
    st.caption(f"{what} contributes {start}, past decisions {decided}: above 0 is for it, below against.")
    with st.container(horizontal=True, gap="small"):
        for evidence in found.evidence:
            picture = known[evidence.asset_id]
            label = labels.get(picture.id, {}).get(tag_id)
            with st.container(width=96, gap="xxsmall"):
                verdict = "has it" if evidence.applies else "does not"
                caption = f"{verdict} {evidence.logit:+.2f}"
                try:
                    shown = image_routes.load(Rendition.THUMBNAIL, picture.sha256)
                except (FileNotFoundError, TaggingError):
                    st.caption(f"{caption}; its file cannot be read")
                else:
                    st.image(shown, width=96, caption=caption, alt=picture.name)
                if label is not None:
                    st.button(
                        "Drop",
                        key=f"drop_{picture.id}",
                        on_click=actions.undo,
                        args=(label.event_id,),
                        type="tertiary",
                        icon=":material/undo:",
                        help="A bad example: undo that decision, so that nothing is learned from it",
                    )
