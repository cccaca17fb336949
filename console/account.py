"""Who uses the console, in the sidebar: the name, signing out, and the sessions of a person."""

from __future__ import annotations

import streamlit as st

from console import asset_history, session, sign_in
from tagging_core import User
from tagging_core.app.sessions import Session


def draw(user: User) -> None:
    """Draw the user's name with what they can do about it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/person: {session.plain(user.name)}")
        if sign_in.required():
            draw_sign_out()
            _draw_own_sessions(user)
        elif st.button("Change", type="tertiary", help="Use another name"):
            st.session_state["user_asks"] = True
            st.rerun()


def draw_sign_out() -> None:
    """Draw the button that lets somebody else sign in; nothing if nobody is signed in."""
    if sign_in.signed_in():
        st.button("Sign out", type="tertiary", on_click=_sign_out)


def draw_all_sessions() -> None:
    """Draw everybody's sessions, for administrators."""
    found = sign_in.sessions(session.loop()).open_sessions()
    if not found:
        st.caption("Nobody is signed in." if sign_in.required() else "Sign-in is not configured.")
    for name in dict.fromkeys(each.user for each in found):
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{session.plain(name)}**", width="stretch")
            _draw_sessions([each for each in found if each.user == name])
            st.button("Sign out everywhere", key=f"sign_out_{name}", on_click=_sign_out_everywhere, args=(name,))


def _draw_own_sessions(user: User) -> None:
    with st.popover("Sessions", type="tertiary"):
        _draw_sessions(sign_in.sessions(session.loop()).open_sessions(user.name))
        st.button("Sign out everywhere", on_click=_sign_out_everywhere, args=(user.name,))


def _draw_sessions(found: list[Session]) -> None:
    for each in found:
        since, seen = asset_history.when(each.started_at), asset_history.when(each.seen_at)
        st.caption(f"{session.plain(each.browser or 'unknown browser')}  \nsince {since}, last used {seen}")


def _sign_out() -> None:
    sign_in.sign_out(session.loop())


def _sign_out_everywhere(name: str) -> None:
    sign_in.sessions(session.loop()).end_everywhere(session.current_user(), name)
