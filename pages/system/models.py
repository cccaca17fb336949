"""Models page: the active model, and building, comparing and activating another one."""

from __future__ import annotations

import streamlit as st

from console import session
from console.models import comparison_report, devices, starter
from tagging_core import TaggingError
from tagging_core.app.build_progress import BuildProgress
from tagging_core.common import Action
from tagging_core.embeddings import Preset
from tagging_core.embeddings.encoders import presets
from tagging_core.embeddings.spaces import SpaceState

session.guard(Action.OPERATE)
loop, user, state = session.loop(), session.current_user(), st.session_state
OTHER = "Another: a folder on this machine, or a hub id"
STATES = {
    SpaceState.BUILDING: ":blue-badge[building]",
    SpaceState.READY: ":green-badge[ready]",
    SpaceState.KEPT: ":gray-badge[previously active]",
    SpaceState.STOPPED: ":orange-badge[stopped]",
}


def run(name: str, *arguments: str) -> None:
    try:
        getattr(loop.models, name)(user, *arguments)
    except TaggingError as error:
        session.defer_error(error)
    else:
        state.pop("model_report", None)


def run_in_fragment(name: str, *arguments: str) -> None:
    run(name, *arguments)
    state["models_changed"] = True


def build() -> None:
    chosen = state["model_name"]
    run("build", state.get("model_other", "") if chosen == OTHER else chosen)


def request_report(fingerprint: str) -> None:
    state["model_asked"] = fingerprint
    state["models_changed"] = True


def compare(fingerprint: str) -> None:
    try:
        with st.spinner("Comparing on past decisions"):
            state["model_report"] = (fingerprint, loop.models.compare(fingerprint))
    except TaggingError as error:
        session.draw_error(error)


def describe(preset: Preset) -> str:
    size = f"{preset.parameters:,} million parameters · " if preset.parameters else ""
    takes = {"none": "takes no instructions", "text": "takes instructions with texts"}
    return (
        f"{size}about {preset.memory_gb:g} GB · {preset.licence} · {', '.join(preset.languages)} · up to "
        f"{preset.max_pixels:,} pixels · {takes.get(preset.instructed, 'takes instructions')}"
    )


def draw_active(found: BuildProgress) -> None:
    st.subheader(session.plain(found.title))
    st.markdown(f"{describe(loop.model.preset)}  \n:gray[{loop.model.preset.fingerprint}]")
    if found.missing:
        known = found.pictures - found.missing
        st.progress(known / found.pictures, f"{known:,} of {found.pictures:,} pictures are embedded")
    wanted = loop.settings.encoder
    if wanted != found.space.encoder:
        st.info(
            f"TAGLOOP_ENCODER is {session.plain(wanted)}. An archive with pictures keeps its model until "
            "another one is built and activated here."
        )


def draw_others() -> None:
    if state.pop("models_changed", False):
        st.rerun()  # the report and the active model are outside of this fragment
    found = [p for p in loop.models.all() if p.space.state != SpaceState.ACTIVE and not p.space.instruction]
    if not found:
        st.caption("None. Trying one is safe: the active model stays until you activate another one.")
    for progress in found:
        with st.container(border=True):
            draw_other(progress)


def draw_other(found: BuildProgress) -> None:
    family, known = found.space, found.pictures - found.missing
    st.markdown(f"**{session.plain(found.title)}** {STATES[family.state]}  \n:gray[{family.fingerprint}]")
    if family.note:
        st.error(session.plain(family.note), icon=":material/error:")
    if found.pictures:
        st.progress(known / found.pictures, f"{known:,} of {found.pictures:,} pictures are embedded")
    if found.missing and family.state in (SpaceState.READY, SpaceState.KEPT):
        late = "were added since" if family.state == SpaceState.KEPT else "cannot be read, see the log"
        st.caption(f"{found.missing:,} pictures are not embedded: they {late}.")
    if found.pending:
        st.caption(f"{found.pending:,} tags are still to be fitted to past decisions.")
    with st.container(horizontal=True):
        arguments = (family.fingerprint,)
        if family.state in (SpaceState.READY, SpaceState.KEPT):
            label = "Switch back" if family.state == SpaceState.KEPT else "Activate"
            key = f"compare_{family.fingerprint}"
            st.button("Compare", key=key, on_click=request_report, args=arguments)
            args = ("switch", *arguments)
            key = f"switch_{family.fingerprint}"
            st.button(label, type="primary", key=key, on_click=run_in_fragment, args=args)
        elif family.state == SpaceState.BUILDING and not family.note:
            args = ("stop", *arguments)
            st.button("Stop", key=f"stop_{family.fingerprint}", on_click=run_in_fragment, args=args)
        else:
            again, args = "Retry" if family.note else "Resume", ("build", family.encoder)
            st.button(again, key=f"go_{family.fingerprint}", on_click=run_in_fragment, args=args)
        with st.popover("Drop"):
            st.write("Its vectors and fitted tags are deleted. Decisions stay, so it can be built again.")
            args = ("drop", *arguments)
            st.button("Drop it", key=f"drop_{family.fingerprint}", on_click=run_in_fragment, args=args)


def draw_new() -> None:
    built = {p.space.encoder for p in known}
    names = [name for name in presets() if name not in built and name != "tiny"]
    chosen = st.selectbox(
        "Model",
        [*names, OTHER],
        format_func=lambda name: presets()[name].title if name in presets() else name,
        key="model_name",
    )
    if chosen == OTHER:
        st.text_input("Folder or hub id", key="model_other", placeholder="/models/our-clip or owner/model")
    else:
        st.caption(describe(presets()[chosen]))
    st.button("Build beside the active model", key="model_build", on_click=build)
    st.caption("People can keep working meanwhile. The new model is fitted to all past decisions too.")


st.title("Models")
session.show_error()
devices.draw()
known = loop.models.all()
active = next(p for p in known if p.space.state == SpaceState.ACTIVE)
draw_active(active)
starter.draw()
st.subheader("Others")
# Counting missing vectors scans the whole archive, so poll only while the count changes.
growing = any(p.space.state == SpaceState.BUILDING or p.pending for p in known if p is not active)
session.fragment(run_every="2s" if growing else None)(draw_others)()
if "model_asked" in state:
    compare(state.pop("model_asked"))
if "model_report" in state:
    fingerprint, found = state["model_report"]
    other = next((p for p in known if p.space.fingerprint == fingerprint), None)
    if other is not None:
        with st.container(border=True):
            st.markdown(f"#### {session.plain(active.title)} and {session.plain(other.title)}")
            comparison_report.draw(found, active.title, other.title)
with st.expander("Try another model", expanded=False):
    draw_new()
