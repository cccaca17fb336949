"""Status of a profile's instruction: default, waiting, being embedded, or in use."""

from __future__ import annotations

import streamlit as st

from console import session
from tagging_core.app.build_progress import BuildProgress
from tagging_core.embeddings import spaces
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.taxonomy import Profile


def draw(profile: Profile) -> None:
    """Draw the status, with progress while pictures are being embedded."""
    if not profile.followed:
        st.markdown(":gray-badge[the default instruction]  The model looks for nothing in particular.")
    elif session.loop().model.preset.instructed == "none":
        st.markdown(":orange-badge[waiting]  It takes effect once a model that takes instructions is active.")
    elif (found := _progress(profile)) is not None and found.space.state == SpaceState.READY:
        st.markdown(f":green-badge[in use]  {found.pictures:,} pictures are embedded with it.")
    else:
        _draw_progress(profile)


def _progress(profile: Profile) -> BuildProgress | None:
    loop = session.loop()
    return loop.models.progress(spaces.fingerprint_of(loop.model.preset.fingerprint, profile.instruction))


@session.fragment(run_every="2s")
def _draw_progress(profile: Profile) -> None:
    found = _progress(profile)
    if found is not None and found.space.state == SpaceState.READY:
        st.rerun()  # ends the polling
    st.markdown(":blue-badge[embedding]  Until it is finished, suggestions use the default instruction.")
    if found is not None and found.space.note:
        st.error(session.plain(found.space.note), icon=":material/error:")
    if found is not None and found.pictures:
        known = found.pictures - found.missing
        st.progress(known / found.pictures, f"{known:,} of {found.pictures:,} pictures are embedded")
