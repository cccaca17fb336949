"""Dismissed proposals, which can be restored."""

from __future__ import annotations

import streamlit as st

from console import session


def draw_dismissed() -> None:
    """Offer to undo the last dismissal."""
    if key := st.session_state.get("proposal_dismissed"):
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(":material/check: It will not be proposed again.", width="stretch")
            st.button("Undo", key="proposal_undo", on_click=_restore, args=(key,), icon=":material/undo:")


def _restore(key: str) -> None:
    session.loop().curation.proposals.dismiss(session.current_user(), key, wanted=True)
    st.session_state.pop("proposal_dismissed", None)
