"""Who acts, and what their roles allow."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tagging_core.errors import NotAllowedError, SettingsError


class Role(StrEnum):
    """What a person is in the company."""

    EDITOR = "editor"
    OWNER = "owner"
    MANAGER = "manager"
    ADMIN = "admin"


class Action(StrEnum):
    """What a person may want to do; the wording completes "You may not ..."."""

    REVIEW = "review pictures"
    UPLOAD = "upload pictures"
    CURATE = "change the tag library"
    REPORT = "read the charts"
    OPERATE = "run the system"


_ALLOWED = {
    Role.EDITOR: {Action.REVIEW, Action.UPLOAD},
    Role.OWNER: {Action.REVIEW, Action.UPLOAD, Action.CURATE, Action.REPORT},
    Role.MANAGER: {Action.REPORT},
    Role.ADMIN: set(Action),
}


@dataclass(frozen=True, slots=True)
class User:
    """A person by name or e-mail address, with roles."""

    name: str
    roles: frozenset[Role]

    def may(self, action: Action) -> bool:
        """Whether any of the person's roles covers the action."""
        return any(action in _ALLOWED[role] for role in self.roles)


SYSTEM = User("system", frozenset({Role.ADMIN}))
"""Tagloop itself, for what happens without a person."""


def require(user: User, action: Action) -> None:
    """Refuse an action that the person's roles do not cover.

    Raises:
        NotAllowedError: Says which roles would.
    """
    if not user.may(action):
        able = sorted(role for role in Role if action in _ALLOWED[role])
        roles = ", ".join(sorted(user.roles)) or "none"
        raise NotAllowedError(
            f"{user.name} may not {action}: that takes one of the roles {', '.join(able)}, not {roles}."
        )


def local_user(name: str) -> User:
    """The person at an unprotected laptop console: any name, all roles.

    Raises:
        NotAllowedError: The name is empty or unreasonably long.
    """
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 80 or not clean.isprintable():
        raise NotAllowedError("Please give a name of 1 to 80 characters, so that decisions have an author.")
    return User(clean, frozenset(Role))


def signed_in_user(email: str, roles_file: Path | None) -> User:
    """A person whom the company's sign-in vouches for; without an entry in the roles file, no roles.

    The file maps each role to addresses: `editor = ["ann@example.com"]`.

    Raises:
        SettingsError: The roles file is missing or wrong.
    """
    table = _read_roles(roles_file)
    address = email.strip().lower()
    return User(address, frozenset(role for role in Role if address in table.get(role, ())))


def _read_roles(path: Path | None) -> dict[Role, set[str]]:
    if path is None:
        raise SettingsError("Sign-in is configured but TAGLOOP_ROLES_FILE is not: nobody would have a role.")
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return {Role(role): {str(name).strip().lower() for name in names} for role, names in table.items()}
    except (OSError, ValueError, TypeError) as error:
        allowed = ", ".join(Role)
        raise SettingsError(f"{path} is no roles file ({error}); it maps {allowed} to addresses.") from error
