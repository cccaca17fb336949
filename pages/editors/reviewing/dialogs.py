"""What opens over the review page: help, history, a picture's past, a note, a new tag."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from pages.common import pictures, session
from pages.editors.reviewing import acts, bulk, keys
from tagging_core import assets, history
from tagging_core.history import PastAct
from tagging_core.ledger import Event, Kind, Look

state = st.session_state

_SAID = {
    Kind.ACCEPT: "Accepted",
    Kind.REJECT: "Rejected",
    Kind.ADD: "Added",
    Kind.REPLACE: "Replaced",
    Kind.DONE: "Done",
    Kind.SKIP: "Skipped",
    Kind.FLAG: "Flagged",
    Kind.UNDO: "Took back",
    Kind.TEXT: "Changed the text",
}


def draw_dialog() -> None:
    """Open what was asked for; it stays until it is closed, since what is under it does not run meanwhile."""
    asked, state["review_dialog"] = state["review_dialog"], None
    if asked:
        {
            "help": _help,
            "history": _history,
            "info": _info,
            "flag": _flag,
            "propose": _propose,
            "bulk": bulk.draw_bulk,
        }[asked]()


@st.dialog("Keys", width="large", icon=":material/keyboard:")
def _help() -> None:
    st.write("Every key works while no text field has the focus. `Esc` leaves a field.")
    columns = st.columns(2)
    mode = state["review_mode"]
    for column, (title, table) in zip(
        columns, ((mode, keys.MODES[mode]), ("Always", keys.EVERYWHERE)), strict=True
    ):
        rows = [f"| `{key}` | {does} |" for key, does in table.items()]
        column.markdown(f"**{title.capitalize()}**\n\n" + "\n".join(["| Key | |", "| --- | --- |", *rows]))


@st.dialog("Your last acts", position="right", icon=":material/history:", on_dismiss="rerun")
def _history() -> None:
    session.show_error()
    found = session.loop().acts_of(session.current_user())
    if not found:
        st.caption("You have not decided anything yet.")
    with session.loop().database.read() as connection:
        ids = [past.latest.asset_id for past in found if past.latest.asset_id is not None]
        known = {a.id: a for a in assets.get_many(connection, ids)}
    for past in found:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if picture := known.get(past.latest.asset_id or 0):
                st.html(
                    f'<img src="{pictures.thumbnail(picture)}" alt="{pictures.alternative(picture)}" '
                    'style="width:44px;height:44px;object-fit:cover;border-radius:6px">',
                    width=48,
                )
            words = describe(past.latest) + (f" · {past.pictures} pictures" if past.pictures > 1 else "")
            words = words if past.stands else f"~~{words}~~"
            st.markdown(f"{words}  \n:gray[:small[{_when(past.latest.at)}]]", width="stretch")
            _draw_toggle(past)


def _draw_toggle(past: PastAct) -> None:
    st.button(
        "Undo" if past.stands else "Bring back",
        key=f"act_{past.latest.id}",
        on_click=acts.toggle_act,
        args=(past,),
        icon=":material/undo:" if past.stands else ":material/redo:",
        type="secondary" if past.stands else "tertiary",
    )


@st.dialog("All that happened", position="right", icon=":material/manage_search:")
def _info() -> None:
    with session.loop().database.read() as connection:
        picture = assets.get(connection, state["review_asset"])
        past = history.of_picture(connection, picture.id)
    st.html(
        f'<img src="{pictures.thumbnail(picture)}" alt="{pictures.alternative(picture)}" style="max-width:100%">'
    )
    taken = f", taken {picture.taken_at:%Y-%m-%d}" if picture.taken_at else ""
    st.markdown(f"**{session.plain(picture.name)}**  \n{picture.width} x {picture.height} {picture.format}{taken}")
    st.caption(f"Picture {picture.id}, SHA-256 {picture.sha256[:16]}..., here since {_when(picture.created_at)}")
    if not past:
        st.caption("Nobody has decided anything about it yet.")
    for event, stands in past:
        words = f"**{session.plain(event.actor)}** {describe(event)}"
        seconds = f" · {event.seconds:.0f} s" if event.seconds else ""
        st.markdown(f"{words if stands else f'~~{words}~~'}  \n:gray[:small[{_when(event.at)}{seconds}]]")


@st.dialog("Flag for discussion", icon=":material/flag:")
def _flag() -> None:
    with st.form("review_flag", border=False):
        st.text_area("What is to be discussed?", key="review_note", max_chars=500, placeholder="Is this a cape?")
        st.form_submit_button(
            "Flag", type="primary", on_click=acts.flag, args=(state["review_asset"],), shortcut="Ctrl+Enter"
        )


@st.dialog("Propose a tag", icon=":material/new_label:")
def _propose() -> None:
    session.show_error()
    taxonomy = session.loop().taxonomy()
    st.write("The picture gets it at once. It is suggested on others when an owner has agreed.")
    with st.form("review_propose", border=False):
        st.text_input("English name", state["review_typed"], key="review_proposed_name", max_chars=80)
        st.selectbox(
            "Category",
            taxonomy.profile(state["review_profile"]).categories,
            format_func=lambda c: taxonomy.categories[c].name(session.language()),
            key="review_proposed_category",
        )
        st.form_submit_button("Propose", type="primary", on_click=acts.propose, shortcut="Ctrl+Enter")


def describe(event: Event) -> str:
    """An event in words."""
    taxonomy = session.loop().taxonomy()
    names = [
        session.tag_label(taxonomy.tags[tag_id]) if tag_id in taxonomy.tags else tag_id
        for tag_id in (event.tag_id, event.other_tag_id)
        if tag_id
    ]
    payload = event.payload or {}
    words = " ".join([_SAID.get(event.kind, str(event.kind)), " by ".join(names)]).strip()
    if event.look:
        words += " (second opinion)" if event.look == Look.SECOND else " (known picture)"
    if "unseen" in payload:
        words += f" (unseen, promised {payload['unseen']:.0%})"
    elif "probability" in payload:
        words += f" ({payload['probability']:.0%} shown)"
    return words + (f": {session.plain(payload['note'])}" if payload.get("note") else "")


def _when(at: datetime) -> str:
    zone = st.context.timezone
    local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone) if zone else None)
    return f"{local:%d %b %Y, %H:%M}"
