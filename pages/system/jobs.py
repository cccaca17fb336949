"""Jobs page: the ingest queue, active workers, and pictures that failed repeatedly."""

from __future__ import annotations

import streamlit as st

from console import session
from tagging_core import TaggingError
from tagging_core.common import Action
from tagging_core.ingest import Batch, queue_status
from tagging_core.ingest.queue_status import DeadLetter, QueueLoad, WorkerActivity

session.guard(Action.OPERATE)
loop, user, state = session.loop(), session.current_user(), st.session_state
SHOWN = 50


def stop(batch_id: int) -> None:
    try:
        loop.ingest.stop(user, batch_id)
    except TaggingError as error:
        session.defer_error(error)


def resume(*batch_ids: int) -> None:
    try:
        for batch_id in batch_ids:
            loop.ingest.resume(user, batch_id)
    except TaggingError as error:
        session.defer_error(error)


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def picture_count(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures:,} pictures"


def per_minute(pictures: int) -> float:
    return round(pictures / queue_status.RECENT_SECONDS * 60, 1)


def draw_load(found: QueueLoad) -> None:
    columns = st.columns(4)
    columns[0].metric("Pictures waiting", f"{found.waiting:,}")
    columns[1].metric("In progress", f"{found.in_work:,}")
    rate = f"{per_minute(found.done_recently):,.0f}"
    columns[2].metric("Pictures per minute", rate, help="Over the last five minutes.")
    columns[3].metric("Longest wait", duration(found.oldest_seconds))


def draw_workers(found: list[WorkerActivity]) -> None:
    st.subheader("Workers")
    if not found:
        separate = "None was active in the last five minutes. Start one with `python -m tagging_core work`."
        idle = "This console is the only worker. It has had nothing to do in the last five minutes."
        st.caption(separate if loop.settings.queue_url else idle)
        return
    rows = [{"worker": w.name, "in progress": w.in_work, "per minute": per_minute(w.done_recently)} for w in found]
    st.dataframe(rows, hide_index=True)


def draw_dead_letters(found: list[DeadLetter]) -> None:
    st.subheader("Failed repeatedly")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        total = picture_count(sum(len(group.names) for group in found))
        st.markdown(f"{total} failed every attempt. Fix the cause, then retry.")
        ids = tuple(dict.fromkeys(group.batch_id for group in found))
        st.button("Retry all", key="again_all", on_click=resume, args=ids, type="primary")
    for n, group in enumerate(found):
        with st.container(border=True, key=f"aside_{n}"):
            st.markdown(f"**{session.plain(group.batch)}** :gray[{picture_count(len(group.names))}]")
            st.error(session.plain(group.error), icon=":material/error:")
            with st.expander("Files"):
                st.dataframe([{"file": name} for name in group.names], hide_index=True)


def draw_batch(batch: Batch) -> None:
    with st.container(border=True, key=f"job_{batch.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{session.plain(batch.name)}** :gray[{session.plain(batch.actor)}]")
            if batch.state == "running":
                st.button("Stop", key=f"stop_{batch.id}", on_click=stop, args=(batch.id,), icon=":material/stop:")
            else:
                st.button("Resume", key=f"resume_{batch.id}", on_click=resume, args=(batch.id,))
        left = f" · about {duration(batch.seconds_left)} left" if batch.seconds_left else ""
        note = f" · {session.plain(batch.note or 'stopped')}" if batch.state == "stopped" else left
        st.progress(batch.finished / max(1, batch.total), f"{batch.finished:,} of {batch.total:,}{note}")


@session.fragment(run_every="2s")
def draw() -> None:
    session.show_error()
    report = loop.ingest.queue.report(SHOWN)
    draw_load(report.load)
    if report.dead_letters:
        draw_dead_letters(report.dead_letters)
    draw_workers(report.workers)
    st.subheader("Batches")
    for batch in report.unfinished:
        draw_batch(batch)
    if not report.unfinished:
        st.caption("All uploads are done.")


st.title("Jobs")
draw()
