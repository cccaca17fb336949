"""The session of a page: the process-wide Tagloop, the current user, and authorization."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st

from console import sign_in
from tagging_core import TaggingError, Tagloop, User, load_settings
from tagging_core.api.network import is_local
from tagging_core.common import Action, local_user, log_context, require
from tagging_core.errors import NotAllowedError, SessionEndedError
from tagging_core.publishing.schemas import Language
from tagging_core.settings import PRIVATE
from tagging_core.taxonomy import Tag

P = ParamSpec("P")
_NAME = "console.local_name"
_CLOSES = "dialog_closes"
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&=])")  # what has a meaning in Streamlit's Markdown
# Links and icons are made of escaped text, too; an invisible character (word joiner) keeps it from being one.
_LINKED = re.compile(r"@|:(?=\w)|https?(?=:)|www(?=\.)", re.IGNORECASE)


@st.cache_resource(show_spinner="Starting Tagloop ...")
def loop() -> Tagloop:
    """Return the Tagloop of this process with its worker running."""
    settings = load_settings()
    os.umask(PRIVATE)
    log_context.configure(settings.log_json)
    opened = Tagloop(settings)
    try:
        opened.start()
    except TaggingError:
        opened.close()
        raise
    return opened


def identify() -> User:
    """Return the user at this browser; until they sign in or give a name, ask for it and end the script run."""
    if sign_in.required():
        return _signed_in()
    _require_loopback()
    name = st.session_state.get("user_name") or _remembered_name()
    if not name or st.session_state.get("user_asks"):
        _ask_name(name)
    st.session_state["user_name"] = name
    return local_user(name)


def current_user() -> User:
    """Return the user with the roles that they have now; to be called at each act.

    Raises:
        SessionEndedError: They signed out, here or elsewhere, or the session has expired.
    """
    return _refresh_user(acts=True)


def guard(action: Action) -> None:
    """End the script run with an error unless the user's roles allow the action; deep links are covered too."""
    st.session_state["guarded"] = action
    if st.session_state.get("user") is None:
        st.error("Please open the start page first, so that Tagloop knows who you are.", icon=":material/lock:")
        st.stop()
    try:
        require(_refresh_user(acts=False), action)
    except NotAllowedError as error:
        st.error(plain(str(error)), icon=":material/lock:")
        st.stop()


def fragment(**options: Any) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return `st.fragment` as a decorator that checks the user at each run, as the page's guard does not run."""
    return lambda draw: st.fragment(_guarded(draw), **options)


def dialog(title: str, **options: Any) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return `st.dialog` as a decorator that checks the user at each run, and obeys `close_dialog`."""
    return lambda draw: st.dialog(title, **options)(_guarded(_closable(draw)))


def close_dialog() -> None:
    """Close the dialog whose callback this is; otherwise its own rerun would draw it once more."""
    st.session_state[_CLOSES] = True


def keep_dialog() -> None:
    """Forget `close_dialog`, at each run of a whole page, which closes dialogs anyway."""
    st.session_state.pop(_CLOSES, None)


def language() -> Language:
    """Return the language that tag names are shown in."""
    return "zh" if st.session_state.get("language") == "zh" else "en"


def tag_label(tag: Tag) -> str:
    """Return a tag's name in the user's language."""
    return tag.name(language())


def plain(text: str) -> str:
    """Return Markdown that draws what people and programs typed as it is, on one line: no picture, link, format."""
    line = _LINKED.sub("\\g<0>\u2060", " ".join(text.split()))
    return _PUNCTUATION.sub(r"\\\1", line)


def defer_error(error: TaggingError) -> None:
    """Keep an error for `show_error`; what a callback draws itself is lost with the rerun."""
    st.session_state["error"] = str(error)


def show_error() -> None:
    """Show the error kept by `defer_error`."""
    if message := st.session_state.pop("error", None):
        draw_error(message)


def draw_uncaught(error: Exception) -> bool:
    """Draw an expected error that nothing caught; False leaves others to Streamlit."""
    if isinstance(error, TaggingError):
        draw_error(error)
    return isinstance(error, TaggingError)


def draw_error(error: TaggingError | str) -> None:
    """Draw an error as plain text, as its message may quote what somebody typed."""
    st.error(plain(str(error)), icon=":material/error:")


def browser_address() -> str | None:
    """Return the browser's IP address; None on this machine, or behind a proxy that is not ours."""
    return st.context.ip_address


def browser_headers() -> dict[str, str]:
    """Return the headers that the browser connected with, by lower-case name."""
    return {name.lower(): value for name, value in st.context.headers.items()}


def _guarded(draw: Callable[P, None]) -> Callable[P, None]:
    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        guard(st.session_state["guarded"])
        draw(*args, **kwargs)

    return run


def _closable(draw: Callable[P, None]) -> Callable[P, None]:
    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        if st.session_state.pop(_CLOSES, False):
            st.rerun()
        draw(*args, **kwargs)

    return run


def _refresh_user(*, acts: bool) -> User:
    if sign_in.required():
        st.session_state["user"] = sign_in.person(loop(), acts=acts)
    return st.session_state["user"]


def _signed_in() -> User:
    try:
        return sign_in.person(loop())
    except SessionEndedError as error:
        st.title("Tagloop")
        st.write(str(error))
        st.button("Sign in", type="primary", on_click=st.login, icon=":material/login:")
        st.stop()


def _require_loopback() -> None:
    if not is_local(browser_address() or "127.0.0.1", browser_headers()):
        st.error(
            "This console has no sign-in, so it only answers the machine it runs on. An administrator can set up "
            "sign-in in .streamlit/secrets.toml (see the README).",
            icon=":material/lock:",
        )
        st.stop()


def _remembered_name() -> str:
    return loop().values.get(_NAME)


def _ask_name(current: str) -> None:
    with st.container(width=480), st.form("who"):
        st.header("Who is tagging?")
        st.write("Every decision is stored with your name. You are asked once; this machine remembers it.")
        name = st.text_input("Your name", value=current, max_chars=80)
        st.caption(
            "This is no protection: without sign-in, anyone at this machine can enter any name and has all roles."
        )
        if st.form_submit_button("Start", type="primary"):
            try:
                user = local_user(name)
            except TaggingError as error:
                draw_error(error)
            else:
                loop().values.put(_NAME, user.name)
                st.session_state["user_name"] = user.name
                st.session_state["user_asks"] = False
                st.rerun()
    st.stop()
