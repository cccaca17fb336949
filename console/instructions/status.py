"""Whether the model is told a profile's instruction, and how far its pictures are embedded under it."""

from __future__ import annotations

import streamlit as st

from console import session
from tagging_core.app.model_rollout import BuildProgress
from tagging_core.embeddings import spaces
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.taxonomy.model import Profile


def draw(profile: Profile) -> None:
    """Say what holds now."""
    if not profile.followed:
        st.markdown(":gray-badge[the usual instruction]  The model looks for nothing in particular.")
    elif session.loop().model.preset.instructed == "none":
        st.markdown(":orange-badge[waiting]  It is told as soon as a model that takes instructions is in use.")
    elif (found := _progress(profile)) is not None and found.family.state == SpaceState.READY:
        st.markdown(f":green-badge[told to the model]  {found.pictures:,} pictures are embedded under it.")
    else:
        _draw_progress(profile)


def _progress(profile: Profile) -> BuildProgress | None:
    loop = session.loop()
    return loop.models.progress(spaces.fingerprint_of(loop.model.preset.fingerprint, profile.instruction))


@st.fragment(run_every="2s")
def _draw_progress(profile: Profile) -> None:
    found = _progress(profile)
    if found is not None and found.family.state == SpaceState.READY:
        st.rerun()  # nothing is to be looked at any more
    st.markdown(":blue-badge[being embedded]  Until all are, suggestions come from the usual instruction.")
    if found is not None and found.family.note:
        st.error(session.plain(found.family.note), icon=":material/error:")
    if found is not None and found.pictures:
        known = found.pictures - found.missing
        st.progress(known / found.pictures, f"{known:,} of {found.pictures:,} pictures are embedded")
