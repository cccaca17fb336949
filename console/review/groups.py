"""Group mode: similar pictures are decided at once; outliers start unselected."""

from __future__ import annotations

import streamlit as st

from console import gallery, session
from console.review import actions, tag_picker
from console.review import state as review_state
from console.review.empty_state import draw_empty
from console.review.grid import open_in_focus
from tagging_core import Decision, Kind

state = st.session_state


def draw_groups() -> None:
    """Draw the next group, or why there is none."""
    if state["review_groups"] is None:
        with st.spinner("Grouping similar pictures ..."):
            state["review_groups"] = session.loop().bulk.groups(session.current_user(), review_state.view())
    page = state["review_page"] or _open_group()
    if page is None:
        if session.loop().review.assigner.upcoming(session.current_user(), review_state.view()):
            st.success("No waiting pictures are similar. Continue one by one.", icon=":material/check:")
            st.button("Check again", on_click=_search_again)
        else:
            draw_empty()
        return
    chosen = gallery.selection(page["name"], page["sure"])
    left, right = st.columns([3, 2], gap="medium")
    with right:
        _draw_keys(page, chosen)
        tag_picker.draw_picker()
        _draw_tags(page, chosen)
    with left:
        shown = session.loop().assets.get_many(page["ids"])
        captions = dict.fromkeys(page["odd"], "outlier")
        label = "Similar pictures"
        gallery.draw(
            page["name"],
            [(a, captions.get(a.id, "")) for a in shown],
            page["sure"],
            label=label,
            on_open=open_in_focus,
        )


def _open_group() -> dict | None:
    """Lease the largest remaining group, without pictures that others have opened meanwhile."""
    groups = state["review_groups"]
    while groups:
        group = groups.pop(0)
        mine = set(session.loop().review.assigner.take_many(session.current_user(), [*group.asset_ids, *group.odd]))
        waiting = session.loop().review.assigner.still_waiting(mine, state["review_show"])
        sure = [a for a in group.asset_ids if a in waiting]
        if len(sure) > 1:
            ids = [*sure, *(a for a in group.odd if a in waiting)]
            state["review_page"] = {
                "ids": ids,
                "sure": sure,
                "odd": [a for a in group.odd if a in waiting],
                "tags": dict(group.tags),
                "acts": {},
                "name": "group/" + "-".join(map(str, ids)),
            }
            review_state.restart_timer()
            return state["review_page"]
        session.loop().review.assigner.release(session.current_user(), list(mine))
    state["review_page"] = None
    return None


def _draw_keys(page: dict, chosen: list[int]) -> None:
    left = len(state["review_groups"])
    st.markdown(f"**One key decides {len(chosen)} pictures.** :gray[{left} more to come]")
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            f"Done with {len(chosen)}",
            on_click=_finish,
            shortcut="D",
            type="primary",
            icon=":material/done_all:",
            disabled=not chosen,
            help="Finish the selected pictures. Tags you left out count as not on them.",
        )
        st.button("Next group", on_click=_next, shortcut="N", help="Without a decision")
        st.button(
            "Edit tags",
            on_click=actions.open_dialog,
            args=("edit_tags",),
            icon=":material/sell:",
            disabled=not chosen,
            help="Add and remove any tags of the selected pictures",
        )


def _draw_tags(page: dict, chosen: list[int]) -> None:
    taxonomy = session.loop().taxonomy()
    for n, (tag_id, p) in enumerate(page["tags"].items(), start=1):
        given = page["acts"].get(tag_id)
        tag = taxonomy.tag(tag_id)
        st.button(
            f"**{session.plain(session.tag_label(tag))}**" + (f" · {p:.0%}" if p else ""),
            key=f"group_{tag_id}",
            on_click=_toggle,
            args=(tag_id,),
            shortcut=str(n) if n <= 9 else None,
            icon=":material/check_circle:" if given else ":material/add:",
            type="primary" if given else "secondary",
            width="stretch",
            help="For all selected pictures; press again to undo",
            disabled=not chosen and not given,
        )


@actions.show_errors
def _toggle(tag_id: str) -> None:
    page = state["review_page"]
    if given := page["acts"].pop(tag_id, None):
        session.loop().review.undo_group(session.current_user(), given)
        return
    actions.add_tag_to_group(tag_id)


@actions.show_errors
def _finish() -> None:
    page = state["review_page"]
    chosen = gallery.selection(page["name"], page["sure"])
    each = round(actions.seconds() / max(1, len(chosen)), 2)
    decisions = [
        Decision(Kind.DONE, a, profile=state["review_profile"], seconds=each, payload={"in": "group"})
        for a in chosen
    ]
    done = session.loop().review.decide_many(session.current_user(), decisions)
    state["review_group_acts"][done.id] = list(page["acts"].values())
    _next()


def _next() -> None:
    review_state.release()
    state["review_page"] = None


def _search_again() -> None:
    state["review_groups"] = None
