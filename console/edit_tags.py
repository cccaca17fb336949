"""Edit the tags of a selection of pictures: a dialog, and a line that says what changed, with its undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import streamlit as st

from console import session
from tagging_core import TaggingError
from tagging_core.review.tag_edits import TagEdit
from tagging_core.taxonomy import Tag

state = st.session_state
_EDITED = "edit_tags_edited"


@session.dialog("Edit tags", icon=":material/sell:")
def draw_dialog(asset_ids: Sequence[int], profile: str, on_edit: Callable[[], None] = lambda: None) -> None:
    """Draw which tags the pictures have, and what to add and remove.

    Args:
        asset_ids: The selected pictures.
        profile: Profile of the review.
        on_edit: Called after the tags were edited, before the page is drawn again.
    """
    session.show_error()
    taxonomy, counts = session.loop().taxonomy(), session.loop().bulk.tag_counts(asset_ids)
    names = {tag.id: f"{session.tag_label(tag)} · {_category(tag)}" for tag in taxonomy.assignable()}
    given = {tag_id: n for tag_id, n in counts.items() if tag_id in taxonomy.tags}
    for title, found in (
        ("On all", [_name(t) for t, n in given.items() if n == len(asset_ids)]),
        ("On some", [f"{_name(t)} ({n})" for t, n in given.items() if n < len(asset_ids)]),
    ):
        if found:
            st.caption(f"{title} of {_pictures(len(asset_ids))}: {session.plain(', '.join(found))}")
    if not given:
        st.caption(f"{_pictures(len(asset_ids))} selected, without tags yet.")
    add = st.multiselect(
        "Add to all",
        [tag_id for tag_id in names if given.get(tag_id, 0) < len(asset_ids)],
        format_func=lambda t: f"{names[t]} (now on {given[t]})" if t in given else names[t],
        key="edit_tags_add",
        select_all=False,
    )
    remove = st.multiselect(
        "Remove",
        list(given),
        format_func=lambda t: f"{_name(t)} ({given[t]})",
        key="edit_tags_remove",
        disabled=not given,
    )
    st.button(
        f"Change {_pictures(len(asset_ids))}",
        on_click=_edit,
        args=(asset_ids, add, remove),
        kwargs={"profile": profile, "on_edit": on_edit},
        type="primary",
        disabled=not add and not remove,
        help="One undo takes all of it back",
    )


def draw_result(on_undo: Callable[[], None] = lambda: None) -> None:
    """Say what the last edit changed, with its undo.

    Args:
        on_undo: Called after the edit was undone.
    """
    if not (edited := state.get(_EDITED)):
        return
    words, group_id = edited
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/sell: {session.plain(words)}", width="content")
        if group_id:
            st.button(
                "Undo", key="edit_tags_undo", on_click=_undo, args=(group_id, on_undo), icon=":material/undo:"
            )
        st.button("Close", key="edit_tags_close", on_click=_close, type="tertiary")


def _edit(
    asset_ids: Sequence[int], add: list[str], remove: list[str], *, profile: str, on_edit: Callable[[], None]
) -> None:
    try:
        edited = session.loop().bulk.edit_tags(
            session.current_user(), asset_ids, add=add, remove=remove, profile=profile
        )
    except TaggingError as error:
        session.defer_error(error)
        return
    state[_EDITED] = (_describe(edited, add, remove), edited.group.id if edited.group else "")
    on_edit()
    session.close_dialog()


def _describe(edited: TagEdit, add: list[str], remove: list[str]) -> str:
    parts = [
        f"{verb} {', '.join(map(_name, tags))}" for verb, tags in (("added", add), ("removed", remove)) if tags
    ]
    words = f"{' and '.join(parts)} on {_pictures(edited.pictures)}." if edited.pictures else "nothing to change."
    if edited.held:
        names = ", ".join(f"{name} ({n})" for name, n in Counter(edited.held.values()).most_common())
        words += f" Left as they are, since others have them open: {names}."
    return words[0].upper() + words[1:]


def _undo(group_id: str, on_undo: Callable[[], None]) -> None:
    state[_EDITED] = None
    try:
        session.loop().review.undo_group(session.current_user(), group_id)
    except TaggingError as error:
        session.defer_error(error)
    on_undo()


def _close() -> None:
    state[_EDITED] = None


def _name(tag_id: str) -> str:
    return session.tag_label(session.loop().taxonomy().tag(tag_id))


def _category(tag: Tag) -> str:
    return session.loop().taxonomy().categories[tag.category_id].name(session.language())


def _pictures(n: int) -> str:
    return "1 picture" if n == 1 else f"{n:,} pictures"
