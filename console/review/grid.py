"""Grid mode: one question about many pictures. Likely ones are preselected; the editor corrects and confirms."""

from __future__ import annotations

import streamlit as st

from console import gallery, session
from console.review import actions
from console.review import state as review_state
from console.review.empty_state import draw_empty
from tagging_core import Decision, Kind
from tagging_core.review.grid import GridPage

state = st.session_state
SIZE = 48


def draw_grid() -> None:
    """Draw the question and its pictures, or why there are none."""
    page = state["review_page"] or _open_page()
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="review_grid_bar"):
        _draw_question(page)
        if page["cells"]:
            _draw_answers(page)
    if page["cells"]:
        _draw_pictures(page)
    elif page["skipped"]:
        st.info("You have seen all of them.")
        st.button("Show them again", on_click=_start_over, type="primary")
    elif page["asked"] or page["subject"]:
        st.success("No pictures are left for this question.", icon=":material/check:")
    else:
        draw_empty()


def _draw_answers(page: dict) -> None:
    """Draw the buttons that answer the question, each with what it decides."""
    yes, no = gallery.marks(page["name"], page["sure"])
    rest = len(page["cells"]) - len(yes) - len(no)
    tag = session.loop().taxonomy().tags.get(page["subject"])
    what = session.plain(session.tag_label(tag)) if tag else "as shown"
    counts = ", ".join([f"{len(yes)} {what}", *([f"{len(no)} not"] if no else [])])
    st.button(
        f"Confirm: {counts}",
        on_click=_confirm,
        shortcut="Enter",
        type="primary",
        icon=":material/done_all:",
        disabled=not yes and not no,
        help="Decides the marked pictures; the others stay undecided. One undo for all.",
    )
    st.button(
        f"No to the other {rest}",
        on_click=_confirm,
        args=(True,),
        shortcut="Shift+Enter",
        icon=":material/block:",
        disabled=not rest,
        help="Confirms, and rejects the tag on the undecided pictures",
    )
    st.button("All", on_click=_mark, args=(True,), shortcut="A", help="Mark all with yes")
    st.button("None", on_click=_mark, args=(False,), shortcut="X", help="Leave all undecided")
    st.button("Others", on_click=_postpone, shortcut="N", help="Other pictures, without a decision")
    st.button(
        "Edit tags",
        on_click=actions.open_dialog,
        args=("edit_tags",),
        icon=":material/sell:",
        disabled=not yes,
        help="Add and remove any tags of the pictures marked with yes",
    )


def _draw_pictures(page: dict) -> None:
    shown = session.loop().assets.get_many([cell.asset_id for cell in page["cells"]])
    tag = session.loop().taxonomy().tags.get(page["subject"])
    captions = {
        cell.asset_id: f"{cell.probability:.0%}" if tag else f"{_name(cell.tag_id)} · {cell.probability:.0%}"
        for cell in page["cells"]
    }
    gallery.draw(
        page["name"],
        [(a, captions[a.id]) for a in shown],
        page["sure"],
        label=f"Are these {session.tag_label(tag)}?" if tag else "Are these tags right?",
        on_open=open_in_focus,
        side=130,
        asks=True,
    )


def open_in_focus() -> None:
    """Open one of the pictures in focus mode."""
    if (asset_id := gallery.opened()) is not None:
        review_state.release()
        state.update(review_mode="focus", review_page=None, review_groups=None)
        review_state.focus(asset_id)
        review_state.write_url()


def _open_page() -> dict:
    """Choose pictures for the question; they stay until they are confirmed or postponed."""
    skipped = state.get("review_skipped", set())
    page: GridPage = session.loop().bulk.grid(
        session.current_user(), review_state.view(), state["review_subject"], size=SIZE, without=skipped
    )
    state["review_subject"] = page.subject
    review_state.write_url()
    found = {
        "subject": page.subject,
        "cells": page.cells,
        "ids": [cell.asset_id for cell in page.cells],
        "sure": [cell.asset_id for cell in page.cells if cell.is_sure],
        "asked": page.asked,
        "skipped": skipped,
        "name": f"{page.subject}/" + "-".join(str(cell.asset_id) for cell in page.cells),
    }
    state["review_page"] = found
    return found


def _draw_question(page: dict) -> None:
    """Draw the choice of the tag or category to ask about."""
    taxonomy = session.loop().taxonomy()
    profile = taxonomy.profile(state["review_profile"])
    names = {t: f"{_name(t)} ({n})" for t, n in page["asked"].items()}
    for category_id in profile.categories:
        n = sum(n for t, n in page["asked"].items() if taxonomy.tags[t].category_id == category_id)
        if n:
            names[category_id] = f"All of {taxonomy.categories[category_id].name(session.language())} ({n})"
    names |= {t.id: _name(t.id) for t in taxonomy.active(profile) if t.id not in names and not t.sensitive}
    if page["subject"] and page["subject"] not in names:
        names[page["subject"]] = _name(page["subject"])
    if names:
        st.selectbox(
            "Ask about",
            list(names),
            label_visibility="collapsed",
            format_func=names.__getitem__,
            key="review_subject",
            on_change=_start_over,
            persist_state="session",
            width=260,
            help="Type to find any tag. In brackets: pictures that probably have it, of up to 600 waiting ones",
        )


def _name(item: str) -> str:
    taxonomy = session.loop().taxonomy()
    if item in taxonomy.tags:
        return session.tag_label(taxonomy.tags[item])
    return taxonomy.categories[item].name(session.language()) if item in taxonomy.categories else item


@actions.show_errors
def _confirm(everything: bool = False) -> None:
    """Decide the pictures that are marked; with `everything`, reject the tag on the others."""
    page = state["review_page"]
    yes, no = map(set, gallery.marks(page["name"], page["sure"]))
    decided = [cell for cell in page["cells"] if everything or cell.asset_id in yes | no]
    per_picture = round(actions.seconds() / max(1, len(decided)), 2)
    model = session.loop().model.library.fingerprint
    decisions = [
        Decision(
            Kind.ACCEPT if cell.asset_id in yes else Kind.REJECT,
            cell.asset_id,
            cell.tag_id,
            profile=state["review_profile"],
            seconds=per_picture,
            payload={"probability": round(cell.probability, 4), "in": "grid", "fingerprint": model},
        )
        for cell in decided
    ]
    session.loop().review.decide_many(session.current_user(), decisions)
    state["review_confirmed"] = f"{_name(page['subject'])}: {len(yes)} yes, {len(decided) - len(yes)} no"
    _next()


def _mark(everything: bool) -> None:
    page = state["review_page"]
    page["sure"] = page["ids"] if everything else []
    page["name"] += "+" if everything else "-"


def _postpone() -> None:
    state["review_skipped"] = state.get("review_skipped", set()) | set(state["review_page"]["ids"])
    _next()


def _start_over() -> None:
    state["review_skipped"] = set()
    _next()


def _next() -> None:
    review_state.release()
    review_state.restart_timer()
    state["review_page"] = None
