"""Search page: find pictures by text, example or filter, then export them or make a batch of them."""

from __future__ import annotations

import streamlit as st

from console import asset_history, edit_tags, gallery, page_paths, session
from console.search import actions, filters
from console.search import state as search_state
from console.search.export_dialog import draw_export
from tagging_core import TaggingError
from tagging_core.common import Action
from tagging_core.search import Found

session.guard(Action.REVIEW)
loop, state = session.loop(), st.session_state
MORE = 60
INDEXING = "The search index is being filled, so pictures may be missing. Search again in a minute."


def draw_query() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.text_input(
            "Search",
            key="search_text",
            type="search",
            live="300ms",
            placeholder="red dress on a beach, 连衣裙, hotel lobby ...",
            label_visibility="collapsed",
            width="stretch",
        )
        with st.popover("By picture", icon=":material/image_search:", help="Find pictures similar to your own"):
            st.file_uploader(
                "Used for this search, not stored", key=f"search_picture_{state['search_round']}", type="image"
            )
        with st.popover(f"Filters ({n})" if (n := filters.count()) else "Filters", icon=":material/tune:"):
            filters.draw()


def draw_understood(found: Found) -> None:
    """Draw how the search interpreted the text."""
    taxonomy = loop.taxonomy()
    if found.query.groups:
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.caption("Tags in your words:", width="content")
            for group in found.query.groups:
                names = [session.tag_label(taxonomy.tags[t]) for t in group[:3] if t in taxonomy.tags]
                st.badge(session.plain(" / ".join(names)))
    if found.query.rest and not found.understood:
        st.info(
            f"The active model does not understand “{session.plain(found.query.rest)}”, so only the texts of "
            "pictures were searched for it. Tag names are understood in every language.",
            icon=":material/translate:",
        )


def draw_examples() -> None:
    """Draw the positive and negative examples, with a button that removes them."""
    for name, title in (("like", "Like these"), ("unlike", "Unlike these")):
        if ids := state[f"search_{name}"]:
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.caption(title, width="content")
                gallery.draw_strip([(asset_id, "") for asset_id in ids], width=56)
                st.button(
                    "Clear examples",
                    key=f"search_forget_{name}",
                    on_click=actions.clear_examples,
                    args=(name,),
                    type="tertiary",
                    icon=":material/close:",
                )


def draw_selected(selected: list[int], found: list[int]) -> None:
    """Draw the actions on the selected pictures."""
    many = "picture" if len(selected) == 1 else "pictures"
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="search_bar"):
        st.caption(f"{len(selected)} {many} selected" if selected else "Click pictures to select them")
        for label, name, icon in (
            ("More like", "like", ":material/thumb_up:"),
            ("Less like", "unlike", ":material/thumb_down:"),
        ):
            st.button(label, on_click=actions.add_examples, args=(name, selected), disabled=not selected, icon=icon)
        with st.popover(
            "Review", icon=":material/check_circle:", help="Make a batch of them, to review them together"
        ):
            st.text_input(
                "Name of the batch", state["search_text"] or "Found pictures", key="search_batch", max_chars=200
            )
            profiles = loop.taxonomy().profiles
            st.selectbox(
                "Profile",
                list(profiles),
                format_func=lambda p: profiles[p].name(session.language()),
                key="search_batch_profile",
            )
            st.button(
                f"Make a batch of {len(selected) or len(found)}",
                on_click=actions.make_batch,
                args=(selected or found,),
                type="primary",
            )
        if st.button("Edit tags", disabled=not selected, icon=":material/sell:"):
            edit_tags.draw_dialog(selected, "general")
        if st.button("Export", icon=":material/download:", help="The selected pictures, or all results"):
            draw_export(selected or found)
    edit_tags.draw_result()
    if made := state.pop("search_made", None):
        st.success(f"Made a batch of {made[1]} pictures.", icon=":material/check:")
        st.page_link(
            page_paths.REVIEW, label="Review them", icon=":material/check_circle:", query_params={"batch": made[0]}
        )


@session.dialog("History", position="right", icon=":material/manage_search:")
def show_one(asset_id: int) -> None:
    asset_history.draw(asset_id)


def open_one() -> None:
    state["search_open"] = gallery.opened()


def draw_nothing(ranked: bool, indexing: bool) -> None:
    """Say why nothing was found, and what to do about it."""
    total = loop.review.progress().total
    if not total:
        st.info("There are no pictures yet.", icon=":material/photo_library:")
        st.page_link(page_paths.UPLOAD, label="Upload pictures", icon=":material/upload:")
    elif indexing:
        st.info(INDEXING, icon=":material/hourglass:")
    elif ranked:
        st.info(
            "No picture is relevant enough. Try other words, or fewer filters.",
            icon=":material/search_off:",
        )
    else:
        st.info("No picture matches these filters.", icon=":material/search_off:")


def draw_results(found: Found) -> None:
    ids = [hit.asset_id for hit in found.hits]
    known = gallery.load(ids)
    ranked = bool(found.query.text or state["search_like"] or search_state.uploaded_picture())
    shown = [
        (known[hit.asset_id], f"{hit.relevance:.0%}" if ranked and hit.likely else known[hit.asset_id].name)
        for hit in found.hits
        if hit.asset_id in known
    ]
    if not shown:
        draw_nothing(ranked, found.indexing)
        return
    if found.indexing:
        st.caption(INDEXING)
    if not found.likely:
        st.info("No picture is a likely match. These come closest, best first.", icon=":material/search:")
    page = f"search-{hash((search_state.search_key(), tuple(ids)))}"
    draw_selected([i for i in gallery.selection(page, []) if i in known], ids)
    gallery.draw(
        page, shown, [], label="Results; click or press Space to select, F to open", on_open=open_one, dims=False
    )
    if len(found.hits) == state["search_limit"]:
        st.button("Show more", on_click=actions.show_more, args=(MORE,), icon=":material/expand_more:")
    elif ranked:
        st.caption(f"{len(shown)} pictures; no other is relevant enough.")


search_state.start(MORE)
st.title("Search")
session.show_error()
draw_query()
draw_examples()
search_state.write_url()
try:
    with st.spinner("Searching ..."):
        found = search_state.search()
except TaggingError as error:
    session.draw_error(error)
    st.stop()
draw_understood(found)
draw_results(found)
if (opened := state.pop("search_open", None)) is not None:
    show_one(opened)
