"""Dialogs that change the tag library; each previews its change before it is applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from console import gallery, session
from console.tags import change_preview, tag_form
from tagging_core import TaggingError
from tagging_core.curation import Plan, plans
from tagging_core.taxonomy import Category, Tag, Taxonomy

_SPLIT = 60  # pictures offered for selection


@session.dialog("New tag", width="large", icon=":material/add:", on_dismiss="rerun")
def new_tag() -> None:
    """Ask for a new tag's names, category and prompts."""
    if saved := st.session_state.pop("tags_saved", None):
        st.query_params["tag"] = saved
        st.rerun()
    session.show_error()
    st.caption("It is suggested as soon as it is saved, and improves with every decision.")
    taxonomy = session.loop().taxonomy()
    category = st.session_state.get("tags_category")
    first = category if category in taxonomy.categories else next(iter(taxonomy.categories), None)
    if first is None:
        st.info("Create a category first.")
        return
    tag_form.draw("tag_new", Tag("", first, {}))


@session.dialog("Merge", width="large", icon=":material/merge:", on_dismiss="rerun")
def merge(tag_id: str, into: str | None = None) -> None:
    """Ask which tag to merge this one into."""
    _close_when_done()
    taxonomy = session.loop().taxonomy()
    tag = taxonomy.tag(tag_id)
    others = [t.id for t in taxonomy.assignable() if t.id != tag.id]
    target = st.selectbox(
        f"{session.plain(session.tag_label(tag))} becomes",
        others,
        index=others.index(into) if into in others else None,
        format_func=lambda t: _with_category(taxonomy, taxonomy.tags[t]),
        placeholder="Choose the tag that stays",
        key="merge_target",
    )
    st.caption(
        "Its names become aliases of the tag that stays, so neither the model nor an import recreates it; its id "
        "redirects to that tag. Its decisions count for that tag."
    )
    if target is None:
        return
    _draw(lambda: plans.merge(taxonomy, tag.id, target), "Merge", "merge_do")


@session.dialog("Move", width="large", icon=":material/drive_file_move:", on_dismiss="rerun")
def move(tag_id: str) -> None:
    """Ask for a tag's new category and parent."""
    _close_when_done()
    taxonomy = session.loop().taxonomy()
    tag = taxonomy.tag(tag_id)
    ids = list(taxonomy.categories)
    category = st.selectbox(
        "Category",
        ids,
        index=ids.index(tag.category_id),
        format_func=lambda c: taxonomy.categories[c].name(session.language()),
        key="move_category",
    )
    own = set(taxonomy.with_children(tag.id))
    parents = [t.id for t in taxonomy.unmerged() if t.category_id == category and t.id not in own]
    parent = st.selectbox(
        "Parent",
        parents,
        index=parents.index(tag.parent_id) if tag.parent_id in parents else None,
        format_func=lambda t: session.tag_label(taxonomy.tags[t]),
        placeholder="None: top level of the category",
        key="move_parent",
    )
    _draw(lambda: plans.move(taxonomy, tag.id, category, parent_id=parent), "Move", "move_do")


@session.dialog("Change the tag's state", icon=":material/visibility:", on_dismiss="rerun")
def set_state(tag_id: str, state: str) -> None:
    """Preview taking a tag out of use (deprecated), or putting it back into use (active)."""
    _close_when_done()
    taxonomy = session.loop().taxonomy()
    name = session.plain(session.tag_label(taxonomy.tag(tag_id)))
    if state == "active":
        st.markdown(f"**{name}** is suggested and can be added again; its decisions still count.")
    else:
        st.markdown(f"**{name}** is no longer suggested or added. Pictures keep it, and its id stays.")
    word = "Put back into use" if state == "active" else "Take out of use"
    _draw(lambda: plans.set_state(taxonomy, tag_id, state), word, "state_do")


@session.dialog("Delete", icon=":material/delete:", on_dismiss="rerun")
def delete(tag_id: str) -> None:
    """Preview deleting a tag."""
    _close_when_done()
    taxonomy = session.loop().taxonomy()
    tag = taxonomy.tag(tag_id)
    st.markdown(
        f"Pictures lose **{session.plain(session.tag_label(tag))}**. To stop using it but keep it on pictures, "
        "take it out of use instead. To replace it with another tag, merge it."
    )
    _draw(lambda: plans.delete(taxonomy, tag.id), "Delete", "delete_do")


@session.dialog("Split", width="large", icon=":material/call_split:", on_dismiss="rerun")
def split(tag_id: str, chosen: list[int] | None = None) -> None:
    """Ask which of a tag's pictures get a new tag.

    Args:
        tag_id: The tag to split.
        chosen: Pictures that are selected initially.
    """
    _close_when_done()
    loop = session.loop()
    taxonomy = loop.taxonomy()
    tag = taxonomy.tag(tag_id)
    left, right = st.columns(2)
    name = left.text_input("English name of the new tag", key="split_en")
    chinese = right.text_input("Chinese name", key="split_zh")
    latest = loop.curation.health.latest_pictures(tag.id, _SPLIT)
    ids = list(dict.fromkeys([*(chosen or []), *latest]))[: max(_SPLIT, len(chosen or []))]
    known = {a.id: a for a in loop.assets.get_many(ids)}
    if not known:
        st.info("No picture has this tag: there is nothing to split.")
        return
    page = f"split/{tag.id}/{'-'.join(map(str, ids))}"
    selected = gallery.selection(page, chosen or [])
    st.markdown(f"Select the pictures that get the new tag instead of **{session.plain(session.tag_label(tag))}**.")
    if name.strip() and selected:
        new = Tag("", tag.category_id, {"en": name, "zh": chinese})
        _draw(
            lambda: plans.split(taxonomy, tag.id, new, asset_ids=selected), f"Split off {len(selected)}", "split_do"
        )
    else:
        st.caption("Give the new tag a name and select at least one picture.")
    shown = [(known[a], "") for a in ids if a in known]
    gallery.draw(page, shown, chosen or [], label="Which get the new tag?", side=110)


@session.dialog("Category", icon=":material/folder:", on_dismiss="rerun")
def edit_category(category_id: str | None = None) -> None:
    """Ask for a category's names and rules."""
    _close_when_done()
    taxonomy = session.loop().taxonomy()
    known = taxonomy.categories.get(category_id or "")
    category = known or Category("", {})
    names = {
        code: st.text_input(f"{title} name", category.names.get(code, ""), key=f"category_{code}")
        for code, title in (("en", "English"), ("zh", "Chinese"))
    }
    exclusive = st.toggle(
        "Exclusive",
        category.exclusive,
        key="category_exclusive",
        help="At most one of its tags applies to a picture; accepting one is evidence against the others",
    )
    top_k = st.number_input("Maximum suggestions per picture", 1, 12, category.top_k, key="category_top")
    within = [p.id for p in taxonomy.profiles_with(category.id)] if known else list(taxonomy.profiles)[:1]
    wanted = st.multiselect(
        "Profiles",
        list(taxonomy.profiles),
        within,
        format_func=lambda p: taxonomy.profiles[p].name(session.language()),
        key="category_profiles",
    )
    changed = replace(category, names={**category.names, **names}, exclusive=exclusive, top_k=int(top_k))
    if not names["en"].strip():
        return
    _draw(lambda: plans.save_category(taxonomy, changed, wanted), "Save", "category_do")
    if known and st.button("Delete this category", type="tertiary", icon=":material/delete:"):
        try:
            plan = plans.delete_category(taxonomy, known.id)
        except TaggingError as error:
            session.draw_error(error)
        else:
            change_preview.apply(plan)
            st.rerun()


def _draw(make: Callable[[], Plan], word: str, key: str) -> None:
    """Draw what a plan would change, and a button that applies it and closes the dialog."""
    try:
        plan = make()
    except TaggingError as error:
        session.draw_error(error)
        return
    change_preview.draw_plan(plan, word, key, on_done=lambda: st.session_state.update(dialog_done=True))


def _close_when_done() -> None:
    if st.session_state.pop("dialog_done", False):
        st.rerun()
    session.show_error()


def _with_category(taxonomy: Taxonomy, tag: Tag) -> str:
    return f"{session.tag_label(tag)} · {taxonomy.categories[tag.category_id].name(session.language())}"
