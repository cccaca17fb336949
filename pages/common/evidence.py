"""Why a tag: the decided pictures that speak for and against it."""

from __future__ import annotations

import streamlit as st

from pages.common import session
from tagging_core import assets


def draw_why(asset_id: int, tag_id: str) -> None:
    """Draw the decided pictures behind a tag's probability, weightiest first."""
    found = session.loop().explain(asset_id, tag_id, limit=8)
    if not found.evidence:
        st.caption("Only the tag's name and description speak for it so far: nobody decided about it yet.")
        return
    with session.loop().database.read() as connection:
        known = {a.id: a for a in assets.get_many(connection, [e.asset_id for e in found.evidence])}
    text, decided = f"{found.text_logit:+.1f}", f"{found.examples_logit:+.1f}"
    st.caption(f"The tag's text says {text}, decided pictures {decided}: above 0 speaks for it, below against.")
    with st.container(horizontal=True, gap="xsmall"):
        for evidence in found.evidence:
            picture = known[evidence.asset_id]
            verdict = "yes" if evidence.applies else "no"
            shown = str(session.loop().archive.thumbnail(picture.sha256))
            st.image(shown, width=84, caption=f"{verdict} {evidence.logit:+.2f}", alt=picture.name)
