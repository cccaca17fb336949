"""Whether people sign in, decided once a process, and who they are according to the company's identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import auth_util
from streamlit.errors import StreamlitAuthError

from tagging_core import Tagloop, User, load_settings
from tagging_core.app.sessions import Sessions
from tagging_core.common import read_roles, signed_in_user
from tagging_core.errors import SessionEndedError, SettingsError

_KEYS = ("redirect_uri", "cookie_secret")
_CLIENT_KEYS = ("client_id", "client_secret", "server_metadata_url")
_EXPECTED = (
    "Expected a table [auth] with redirect_uri, cookie_secret, client_id, client_secret and server_metadata_url, "
    "see docs/settings.md. Tagloop does not start until sign-in works as configured"
)


@cache
def required() -> bool:
    """Return whether people sign in.

    The answer is kept, so that a file that breaks while the console runs lets nobody in.

    Raises:
        SettingsError: Sign-in is wanted, as a roles file or a part of its configuration shows, but cannot work.
    """
    roles, secrets = load_settings().roles_file, _secrets()
    if "auth" not in secrets:
        if roles is None and not _is_attempt(secrets):
            return False
        wanted = f"TAGLOOP_ROLES_FILE={roles} is set" if roles else "secrets.toml mentions sign-in"
        raise SettingsError(f"{wanted}, but secrets.toml has no table [auth]. {_EXPECTED}.")
    _require_complete(secrets["auth"])
    read_roles(roles)
    return True


def by_https() -> bool:
    """Whether the identity provider sends people back by https, so that they use nothing else."""
    return required() and str(auth_util.get_validated_redirect_uri()).startswith("https://")


def person(tagloop: Tagloop, *, acts: bool = True) -> User:
    """Return who signed in at this browser, with the roles that they have now.

    Args:
        tagloop: Knows the sessions and the roles file.
        acts: Whether the person does something; False for a page that refreshes itself.

    Raises:
        SessionEndedError: Nobody is signed in, or the session has ended.
        NotAllowedError: The identity provider does not vouch for the person.
    """
    if not signed_in():
        raise SessionEndedError("Please sign in with your company account.")
    claims = st.user.to_dict()
    user = signed_in_user(claims, tagloop.settings.roles_file)
    sessions(tagloop).use(claims, user.name, browser=st.context.headers.get("User-Agent", ""), acts=acts)
    return user


def signed_in() -> bool:
    """Whether this browser comes from the identity provider; the session may have ended since."""
    return st.user.to_dict().get("is_logged_in") is True


def sign_out(tagloop: Tagloop) -> None:
    """End the session, in all tabs of this browser."""
    sessions(tagloop).end(st.user.to_dict())
    st.logout()


def sessions(tagloop: Tagloop) -> Sessions:
    """Return the sessions of everybody who signed in."""
    return Sessions(tagloop.database, tagloop.settings)


def _secrets() -> dict[str, Any]:
    """The secrets; empty without a file."""
    try:
        if not any(Path(file).exists() for file in st.get_option("secrets.files")):
            return {}
        return st.secrets.to_dict()
    except (OSError, ValueError) as error:
        raise SettingsError(f"secrets.toml cannot be read: {error}. {_EXPECTED}.") from error


def _is_attempt(secrets: Mapping[str, Any]) -> bool:
    """Whether something looks like sign-in, such as [Auth], or its keys without a table or in another one."""
    tables = [secrets, *(value for value in secrets.values() if isinstance(value, dict))]
    named = any(name.strip().casefold() == "auth" for name in secrets)
    return named or any(key in table for table in tables for key in (*_KEYS, *_CLIENT_KEYS))


def _require_complete(section: Any) -> None:
    try:
        auth_util.validate_auth_credentials("default")
    except (StreamlitAuthError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"[auth] in secrets.toml is incomplete: {' '.join(str(error).split())} {_EXPECTED}."
        ) from error
    client = section.get("default", section)
    values = {**{key: section[key] for key in _KEYS}, **{key: client[key] for key in _CLIENT_KEYS}}
    for key, value in values.items():
        if not isinstance(value, str) or not value.strip():
            raise SettingsError(f"{key} in [auth] of secrets.toml is empty or not a text. {_EXPECTED}.")
    if auth_util.get_validated_redirect_uri() is None:
        raise SettingsError(
            f"redirect_uri={section['redirect_uri']!r} in [auth] of secrets.toml must be the console's address "
            f"followed by /oauth2callback. {_EXPECTED}."
        )
