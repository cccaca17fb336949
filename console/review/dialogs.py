"""Dialogs of the review page: keys, recent decisions, a picture's details, why, propose a tag, bulk accept."""

from __future__ import annotations

import streamlit as st

from console import asset_history, edit_tags, gallery, image_routes, session
from console.review import actions, asset_details, bulk_accept, shortcuts
from console.review.explanation import draw_explanation
from tagging_core.ledger import UserAction

state = st.session_state


def draw_dialog() -> None:
    """Open the requested dialog; it stays until it is closed, because the page below does not rerun meanwhile."""
    asked, state["review_dialog"] = state["review_dialog"], None
    if not asked:
        return
    name, asset_id, tag_id = asked
    if name == "why":
        _why(asset_id, tag_id)
    elif name == "details":
        _details(asset_id)
    elif name == "edit_tags":
        _edit_tags()
    else:
        {"help": _help, "history": _history, "propose": _propose, "bulk": bulk_accept.draw_bulk}[name]()


def _edit_tags() -> None:
    page = state["review_page"]
    chosen = gallery.selection(page["name"], page["sure"])
    # A group stays as it is; the grid asks about other pictures, since these may be decided now.
    on_edit = actions.look_again if state["review_mode"] == "grid" else lambda: None
    edit_tags.draw_dialog(chosen, state["review_profile"], on_edit)


@session.dialog("Keys", width="large", icon=":material/keyboard:")
def _help() -> None:
    st.write("Every key works while no text field has the focus. `Esc` leaves a field.")
    columns = st.columns(2)
    mode = state["review_mode"]
    for column, (title, table) in zip(
        columns, ((mode, shortcuts.MODES[mode]), ("Always", shortcuts.EVERYWHERE)), strict=True
    ):
        rows = [f"| `{key}` | {does} |" for key, does in table.items()]
        column.markdown(f"**{title.capitalize()}**\n\n" + "\n".join(["| Key | |", "| --- | --- |", *rows]))


@session.dialog("Your latest decisions", position="right", icon=":material/history:", on_dismiss="rerun")
def _history() -> None:
    session.show_error()
    found = session.loop().review.recent_actions(session.current_user())
    if not found:
        st.caption("You have not decided anything yet.")
    ids = [past.latest.asset_id for past in found if past.latest.asset_id is not None]
    known = {a.id: a for a in session.loop().assets.get_many(ids)}
    for past in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if picture := known.get(past.latest.asset_id or 0):
                st.html(
                    f'<img src="{image_routes.thumbnail(picture)}" alt="{image_routes.alt_html(picture)}" '
                    'style="width:44px;height:44px;object-fit:cover;border-radius:6px">',
                    width=48,
                )
            words = asset_history.describe_action(past)
            words = words if past.in_effect else f"~~{words}~~"
            st.markdown(f"{words}  \n:gray[:small[{asset_history.when(past.latest.at)}]]", width="stretch")
            _draw_toggle(past)


def _draw_toggle(past: UserAction) -> None:
    st.button(
        "Undo" if past.in_effect else "Redo",
        key=f"act_{past.latest.id}",
        on_click=actions.undo_or_redo,
        args=(past,),
        icon=":material/undo:" if past.in_effect else ":material/redo:",
        type="secondary" if past.in_effect else "tertiary",
    )


@session.dialog("Why this tag?", position="right", icon=":material/help:", on_dismiss="rerun")
def _why(asset_id: int, tag_id: str) -> None:
    session.show_error()
    tag = session.loop().taxonomy().tag(tag_id)
    st.markdown(f"**{session.plain(session.tag_label(tag))}**")
    draw_explanation(asset_id, tag_id)


@session.dialog("This picture", position="right", width="medium", icon=":material/info:")
def _details(asset_id: int) -> None:
    session.show_error()
    asset = session.loop().assets.get(asset_id)
    words, description, past = st.tabs(["Text", "For readers", "History"])
    with words:
        asset_details.draw_text(asset)
    with description:
        asset_details.draw_description(asset)
    with past:
        asset_history.draw(asset_id)


@session.dialog("Propose a tag", icon=":material/new_label:")
def _propose() -> None:
    session.show_error()
    taxonomy = session.loop().taxonomy()
    st.write("The selected pictures get it right away. It is suggested on others once an owner approves it.")
    with st.form("review_propose", border=False):
        st.text_input("English name", state["review_typed"], key="review_proposed_name", max_chars=80)
        st.selectbox(
            "Category",
            taxonomy.profile(state["review_profile"]).categories,
            format_func=lambda c: taxonomy.categories[c].name(session.language()),
            key="review_proposed_category",
        )
        st.form_submit_button("Propose", type="primary", on_click=actions.propose, shortcut="Ctrl+Enter")
