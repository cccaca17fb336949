"""The session of a page: the process-wide Tagloop, the current user, and authorization."""

from __future__ import annotations

import ipaddress
import os
import re

import streamlit as st

from tagging_core import TaggingError, Tagloop, User, load_settings
from tagging_core.common import Action, local_user, log_context, require, signed_in_user
from tagging_core.errors import NotAllowedError
from tagging_core.publishing.schemas import Language
from tagging_core.settings import PRIVATE
from tagging_core.taxonomy import Tag

_NAME = "console.local_name"
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&=])")  # what has a meaning in Streamlit's Markdown


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
    if sign_in_configured():
        return _signed_in()
    _require_loopback()
    name = st.session_state.get("user_name") or _remembered_name()
    if not name or st.session_state.get("user_asks"):
        _ask_name(name)
    st.session_state["user_name"] = name
    return local_user(name)


def current_user() -> User:
    """Return the user that the frame identified."""
    return st.session_state["user"]


def guard(action: Action) -> None:
    """End the script run with an error unless the user's roles allow the action; deep links are covered too."""
    user = st.session_state.get("user")
    if user is None:
        st.error("Please open the start page first, so that Tagloop knows who you are.", icon=":material/lock:")
        st.stop()
    try:
        require(user, action)
    except NotAllowedError as error:
        st.error(escape_md(str(error)), icon=":material/lock:")
        st.stop()


def sign_in_configured() -> bool:
    """Return whether OIDC sign-in is configured in secrets.toml."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def language() -> Language:
    """Return the language that tag names are shown in."""
    return "zh" if st.session_state.get("language") == "zh" else "en"


def tag_label(tag: Tag) -> str:
    """Return a tag's name in the user's language."""
    return tag.name(language())


def escape_md(text: str) -> str:
    """Escape Markdown, so that text typed by users loads no images and looks as it was typed."""
    return _PUNCTUATION.sub(r"\\\1", text)


def defer_error(error: TaggingError) -> None:
    """Keep an error for `show_error`; what a callback draws itself is lost with the rerun."""
    st.session_state["error"] = str(error)


def show_error() -> None:
    """Show the error kept by `defer_error`."""
    if message := st.session_state.pop("error", None):
        draw_error(message)


def draw_error(error: TaggingError | str) -> None:
    """Draw an error as plain text, as its message may quote what somebody typed."""
    st.error(escape_md(str(error)), icon=":material/error:")


def browser_address() -> str | None:
    """Return the browser's IP address; None on this machine."""
    return st.context.ip_address


def _signed_in() -> User:
    if not st.user.is_logged_in:
        st.title("Tagloop")
        st.write("Please sign in with your company account.")
        st.button("Sign in", type="primary", on_click=st.login, icon=":material/login:")
        st.stop()
    return signed_in_user(str(st.user.email), loop().settings.roles_file)


def _require_loopback() -> None:
    address = browser_address()
    if address and not ipaddress.ip_address(address).is_loopback:
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
