"""Upload page: send photos, zips or folders to be tagged, and follow the batches."""

from __future__ import annotations

import streamlit as st

from console import page_paths
from console.session import current_user, defer_error, fragment, guard, language, loop, plain, show_error
from tagging_core import TaggingError
from tagging_core.assets.decoding import EXTENSIONS
from tagging_core.common import Action
from tagging_core.ingest import Batch

guard(Action.UPLOAD)
tagloop, user = loop(), current_user()
profiles = tagloop.taxonomy().profiles


def submit_uploads() -> None:
    files = st.session_state.get(f"upload_files_{st.session_state['upload_round']}") or []
    try:
        tagloop.ingest.upload(
            user, ((file.name, file.getvalue()) for file in files), st.session_state["upload_profile"]
        )
    except TaggingError as error:
        defer_error(error)
    else:
        st.session_state["upload_round"] += 1  # a new key empties the uploader and frees its memory


def submit_samples() -> None:
    try:
        tagloop.ingest.ingest_samples(user)
    except TaggingError as error:
        defer_error(error)


def submit_path() -> None:
    try:
        tagloop.ingest.ingest_server_path(user, st.session_state["upload_path"], st.session_state["upload_profile"])
    except TaggingError as error:
        defer_error(error)


def stop(batch_id: int) -> None:
    tagloop.ingest.stop(user, batch_id)


def resume(batch_id: int) -> None:
    tagloop.ingest.resume(user, batch_id)


def figures(batch: Batch) -> str:
    parts = [f"{batch.ingested} new"]
    if batch.known:
        parts.append(f"{batch.known} already here")
    if batch.refused:
        parts.append(f"{batch.refused} refused")
    return " · ".join(parts)


def status(batch: Batch) -> str:
    if batch.state == "running":
        left = "" if batch.seconds_left is None else f", about {max(1, round(batch.seconds_left))} s left"
        rate = f" · {batch.rate:.0f} per second{left}" if batch.finished else " · starting the model"
        return f"{batch.finished} of {batch.total}{rate}"
    if batch.state == "stopped":
        return f"{batch.finished} of {batch.total} · {batch.note or 'stopped'}"
    if batch.refused and batch.refused == batch.total:
        return f"Nothing could be read: {figures(batch)}"
    return f"{figures(batch)} · tagged in {batch.seconds:.0f} s"


def draw_batch(batch: Batch) -> None:
    with st.container(border=True, key=f"batch_{batch.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            profile = profiles[batch.profile].name(language())
            st.markdown(f"**{plain(batch.name)}**  :gray[{plain(profile)} · {plain(batch.actor)}]")
            if batch.state == "running":
                st.button("Stop", key=f"stop_{batch.id}", on_click=stop, args=(batch.id,), icon=":material/stop:")
            elif batch.state == "stopped":
                st.button("Resume", key=f"resume_{batch.id}", on_click=resume, args=(batch.id,), type="primary")
            if batch.ingested + batch.known:
                st.page_link(
                    page_paths.REVIEW,
                    label="Review",
                    icon=":material/check_circle:",
                    query_params={"batch": str(batch.id)},
                )
        st.progress(batch.finished / max(1, batch.total), text=plain(status(batch)))
        if batch.refused:
            rows = tagloop.ingest.refused(batch.id)
            with st.expander(f"{batch.refused} refused"):
                st.dataframe([{"file": name, "reason": reason} for name, reason in rows], hide_index=True)


@fragment(run_every="1s")
def draw_batches() -> None:
    recent = tagloop.ingest.recent(limit=8)
    if not recent:
        st.info("Nothing has been uploaded yet. Choose photos above, or try the sample photos.")
    for batch in recent:
        draw_batch(batch)


st.session_state.setdefault("upload_round", 0)
st.title("Upload pictures")
show_error()
st.selectbox(
    "What are they for?",
    list(profiles),
    format_func=lambda p: profiles[p].name(language()),
    key="upload_profile",
    help="Decides which kinds of tags are suggested.",
    width=360,
    persist_state="session",
)
whole_folder = st.segmented_control(
    "What to upload",
    [False, True],
    default=False,
    format_func={False: "Photos or zips", True: "A whole folder"}.get,
    key="upload_folder",
    required=True,
    label_visibility="collapsed",
)
files = st.file_uploader(
    "A folder; photo.txt is the text of photo.jpg" if whole_folder else "Photos, or zips of photos",
    type=[*EXTENSIONS, "zip", "txt"],
    accept_multiple_files="directory" if whole_folder else True,
    key=f"upload_files_{st.session_state['upload_round']}",
)
with st.container(horizontal=True):
    many = "photo" if len(files) == 1 else "photos"
    st.button(
        f"Tag {len(files)} {many}" if files else "Tag photos",
        type="primary",
        disabled=not files,
        on_click=submit_uploads,
        icon=":material/sell:",
    )
    st.button(
        "Try it with sample photos",
        on_click=submit_samples,
        icon=":material/photo_library:",
        help="40 photos of clothes that come with Tagloop",
    )
if tagloop.settings.ingest_root is not None:
    with st.expander("From a folder on the server"):
        st.text_input("Path inside the ingest folder", key="upload_path", placeholder="2026/autumn")
        st.button("Tag this folder", on_click=submit_path)

st.subheader("Batches")
draw_batches()
