"""Instructions page: what the model looks for in a business type's pictures; try it, then use it."""

from __future__ import annotations

import streamlit as st

from console import page_paths, session
from console.instructions import status, trial
from console.tags import change_preview
from tagging_core.common import Action
from tagging_core.curation import plans
from tagging_core.errors import TaggingError
from tagging_core.taxonomy import Profile

session.guard(Action.CURATE)
loop, state = session.loop(), st.session_state
taxonomy = loop.taxonomy()


def send(profile_id: str, followed: bool) -> None:
    try:
        words = state[f"instruction_{profile_id}"] if followed else taxonomy.profile(profile_id).instruction
        plan = plans.instruct(loop.taxonomy(), profile_id, words, followed=followed)
    except TaggingError as error:
        session.defer_error(error)
        return
    if change_preview.apply(plan):
        trial.clear()
        loop.models.follow()


def draw_form(profile: Profile, able: bool) -> None:
    key = f"instruction_{profile.id}"
    # Keep unsaved input, unless the stored instruction changed (an undo, or another user).
    if state.get(f"{key}_was") != profile.instruction:
        state[key] = state[f"{key}_was"] = profile.instruction
    st.text_area(
        "What the model looks for, in English",
        key=key,
        height=90,
        max_chars=1_000,
        help="A sentence that says what matters in these pictures: 'Identify the garment, its cut and material.'",
    )
    same = profile.followed and " ".join(state[key].split()) == profile.instruction
    with st.container(horizontal=True):
        st.button(
            "Try it on 50 pictures",
            icon=":material/compare_arrows:",
            key="instruction_try",
            on_click=trial.request,
            args=(profile.id, key),
            disabled=not able,
            help="Shows which suggestions would change; nothing is saved",
        )
        st.button(
            "Send to the model",
            type="primary",
            key="instruction_tell",
            on_click=send,
            args=(profile.id, True),
            disabled=same,
        )
        if profile.followed:
            st.button("Back to the default", key="instruction_untell", on_click=send, args=(profile.id, False))


st.title("Instructions")
st.caption(
    "A business type can instruct the model what to look for in its pictures. They are embedded again with that "
    "instruction, for the suggestions of this business type only; search and other business types are unaffected."
)
change_preview.draw_last_change()
able = loop.model.preset.instructed != "none"
if not able:
    st.info(
        f"{session.plain(loop.model.preset.title)}, the active model, takes no instructions. GME and Qwen3-VL "
        "do: an administrator can build one of them on the Models page. Instructions saved here take effect then."
    )
    if session.current_user().may(Action.OPERATE) and st.button("Go to Models", icon=":material/neurology:"):
        st.switch_page(page_paths.MODELS)
language = session.language()
chosen = st.segmented_control(
    "Business type",
    list(taxonomy.profiles),
    default=next(iter(taxonomy.profiles)),
    format_func=lambda p: taxonomy.profiles[p].name(language),
    key="instruction_profile",
    required=True,
)
profile = taxonomy.profiles[chosen]
status.draw(profile)
draw_form(profile, able)
trial.draw(profile)
