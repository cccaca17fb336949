"""Why a tag: the decided pictures that speak for and against it, any of which can be dropped."""

from __future__ import annotations

import streamlit as st

from console import image_routes, session
from console.review import actions
from tagging_core import TaggingError
from tagging_core.assets.files import Rendition


def draw_why(asset_id: int, tag_id: str) -> None:
    """Draw the decided pictures behind a tag's probability, weightiest first."""
    found = session.loop().review.explain(asset_id, tag_id, limit=6)
    if not found.evidence:
        st.caption("Only the tag's name and description speak for it so far: nobody decided about it yet.")
        return
    ids = [e.asset_id for e in found.evidence]
    known = {a.id: a for a in session.loop().assets.get_many(ids)}
    labels = session.loop().assets.labels(ids)
    text, decided = f"{found.text_logit:+.1f}", f"{found.examples_logit:+.1f}"
    st.caption(f"The tag's text says {text}, decided pictures {decided}: above 0 speaks for it, below against.")
    with st.container(horizontal=True, gap="small"):
        for evidence in found.evidence:
            picture = known[evidence.asset_id]
            label = labels.get(picture.id, {}).get(tag_id)
            with st.container(width=96, gap="xxsmall"):
                verdict = "has it" if evidence.applies else "has it not"
                said = f"{verdict} {evidence.logit:+.2f}"
                try:
                    shown = image_routes.load(Rendition.THUMBNAIL, picture.sha256)
                except (FileNotFoundError, TaggingError):
                    st.caption(f"{said}, but its file cannot be read now")
                else:
                    st.image(shown, width=96, caption=said, alt=picture.name)
                if label is not None:
                    st.button(
                        "Drop",
                        key=f"drop_{picture.id}",
                        on_click=actions.take_back,
                        args=(label.event_id,),
                        type="tertiary",
                        icon=":material/undo:",
                        help="A bad example: take that decision back, also from what was learned",
                    )
