"""Trial of an instruction on a sample of pictures: requested, run with a progress bar, and shown."""

from __future__ import annotations

import streamlit as st

from console import gallery, session
from tagging_core.curation.instruction_trial import InstructionPreview, TrialPicture
from tagging_core.errors import TaggingError
from tagging_core.learning import Suggestion
from tagging_core.taxonomy import Profile, Taxonomy

_SHOWN = 24
_REQUEST, _RESULT = "instruction_asked", "instruction_preview"


def request(profile_id: str, key: str) -> None:
    """Request a trial of the text in a field; the next script run makes it."""
    st.session_state[_REQUEST] = (profile_id, " ".join(st.session_state[key].split()))
    clear()


def clear() -> None:
    """Remove the result."""
    st.session_state.pop(_RESULT, None)


def draw(profile: Profile) -> None:
    """Run the requested trial, and show the latest result of this profile."""
    asked = st.session_state.pop(_REQUEST, None)
    if asked is not None and asked[0] == profile.id:
        _make(profile, asked[1])
    shown = st.session_state.get(_RESULT)
    if shown is not None and shown[0] == profile.id:
        _draw(shown[1])


def _make(profile: Profile, instruction: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Embedding pictures and tags with both instructions", width="stretch")
        stop = st.empty()
        stop.button("Stop", key="instruction_stop")  # any click ends the script run, and with it the trial

    def advance(share: float) -> None:
        bar.progress(share)

    try:
        found = session.loop().curation.instructions.preview(profile.id, instruction, advance)
    except TaggingError as error:
        session.draw_error(error)
    else:
        st.session_state[_RESULT] = (profile.id, found)
    bar.empty()
    stop.empty()


def _draw(preview: InstructionPreview) -> None:
    st.subheader("What would change")
    if not preview.pictures:
        st.info("There are no pictures of this business type yet. Upload some and try again.")
        return
    wording = f"“{preview.instruction}”" if preview.instruction else "the default instruction"
    st.markdown(f"With {session.plain(wording)}, compared with the current instruction:")
    with st.container(horizontal=True):
        st.metric("Pictures with other suggestions", f"{preview.changed} of {len(preview.pictures)}", width=280)
        if preview.before is not None and preview.after is not None:
            st.metric(
                "Average precision",
                f"{preview.after:.2f}",
                f"{preview.after - preview.before:+.2f}",
                width=240,
                help=f"Measured on the {preview.judged} finished pictures among them; 1 is best",
            )
    st.caption("Both sides use the tags' texts alone, as if there were no decisions yet.")
    moved = [tried for tried in preview.pictures if tried.gained or tried.lost]
    known = gallery.load([tried.asset_id for tried in moved[:_SHOWN]])
    taxonomy = session.loop().taxonomy()
    with st.container(horizontal=True, gap="small"):
        for tried in moved[:_SHOWN]:
            with st.container(width=168):
                gallery.draw_strip([(tried.asset_id, "")], width=160, known=known)
                st.markdown(_words(tried, taxonomy))
    if len(moved) > _SHOWN:
        st.caption(f"And {len(moved) - _SHOWN} more.")


def _words(tried: TrialPicture, taxonomy: Taxonomy) -> str:
    gained = [f":green[+ {_name(s, taxonomy)}]" for s in tried.after if s.tag_id in tried.gained]
    lost = [f":red[− {_name(s, taxonomy)}]" for s in tried.before if s.tag_id in tried.lost]
    return "  \n".join(gained + lost)


def _name(suggestion: Suggestion, taxonomy: Taxonomy) -> str:
    tag = taxonomy.tags.get(suggestion.tag_id)
    name = session.plain(session.tag_label(tag)) if tag is not None else session.plain(suggestion.tag_id)
    return f"{name} {suggestion.probability:.0%}"
