"""What every page needs: the one Tagloop of this process, who acts, and what they may do."""

from __future__ import annotations

import ipaddress
import re

import streamlit as st

from tagging_core import TaggingError, Tagloop, User, load_settings
from tagging_core.common import log_context
from tagging_core.common.users import Action, local_user, require, signed_in_user
from tagging_core.errors import NotAllowedError
from tagging_core.publishing.schemas import Language
from tagging_core.taxonomy.model import Tag

_NAME = "console.local_name"


@st.cache_resource(show_spinner="Starting Tagloop ...")
def loop() -> Tagloop:
    """The Tagloop of this process with its worker running."""
    settings = load_settings()
    log_context.configure(settings.log_json)
    opened = Tagloop(settings)
    try:
        opened.start()
    except TaggingError:
        opened.close()
        raise
    return opened


def identify() -> User:
    """The person at this browser; asks, and ends the run, until that is known."""
    if sign_in_configured():
        return _signed_in()
    _refuse_strangers()
    name = st.session_state.get("user_name") or _remembered()
    if not name or st.session_state.get("user_asks"):
        _ask_name(name)
    st.session_state["user_name"] = name
    return local_user(name)


def current_user() -> User:
    """The person `identify` found earlier in this run."""
    return st.session_state["user"]


def guard(action: Action) -> None:
    """Refuse a page, deep links included, to those whose roles lack it."""
    user = st.session_state.get("user")
    if user is None:
        st.error("Please start at the front page, so that Tagloop knows who you are.", icon=":material/lock:")
        st.stop()
    try:
        require(user, action)
    except NotAllowedError as error:
        st.error(str(error), icon=":material/lock:")
        st.stop()


def sign_in_configured() -> bool:
    """Whether the company's OIDC sign-in is set up in secrets.toml."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def language() -> Language:
    """The language that tags are shown in."""
    return "zh" if st.session_state.get("language") == "zh" else "en"


def tag_label(tag: Tag) -> str:
    """A tag's name for a person, in their language."""
    return tag.name(language())


def plain(text: str) -> str:
    """A text as it is, also where Markdown is drawn: what people typed loads no picture and links nowhere."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:])", r"\\\1", text)


def say_error(error: TaggingError) -> None:
    """Show an expected failure at the top of the next run, so that a callback's message is not lost."""
    st.session_state["error"] = str(error)


def show_error() -> None:
    """Show what `say_error` kept."""
    if message := st.session_state.pop("error", None):
        st.error(message, icon=":material/error:")


def browser_address() -> str | None:
    """Where the browser is; None on this machine."""
    return st.context.ip_address


def _signed_in() -> User:
    if not st.user.is_logged_in:
        st.title("Tagloop")
        st.write("Please sign in with your company account.")
        st.button("Sign in", type="primary", on_click=st.login, icon=":material/login:")
        st.stop()
    return signed_in_user(str(st.user.email), loop().settings.roles_file)


def _refuse_strangers() -> None:
    address = browser_address()
    if address and not ipaddress.ip_address(address).is_loopback:
        st.error(
            "This console has no sign-in, so it only answers the machine it runs on. An administrator can set up "
            "sign-in in .streamlit/secrets.toml (see the README).",
            icon=":material/lock:",
        )
        st.stop()


def _remembered() -> str:
    return loop().values.get(_NAME)


def _ask_name(current: str) -> None:
    with st.container(width=480), st.form("who"):
        st.header("Who is tagging?")
        st.write("Every decision keeps the name of who made it. Asked once, remembered on this machine.")
        name = st.text_input("Your name", value=current, max_chars=80)
        st.caption(
            "This is no protection: without sign-in anyone at this machine may give any name, and has all roles."
        )
        if st.form_submit_button("Start", type="primary"):
            try:
                user = local_user(name)
            except TaggingError as error:
                st.error(str(error))
            else:
                loop().values.put(_NAME, user.name)
                st.session_state["user_name"] = user.name
                st.session_state["user_asks"] = False
                st.rerun()
    st.stop()
