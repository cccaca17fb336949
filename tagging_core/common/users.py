"""Users, roles and permissions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tagging_core.errors import NotAllowedError, SettingsError


class Role(StrEnum):
    """A user's function in the company."""

    EDITOR = "editor"
    OWNER = "owner"
    MANAGER = "manager"
    ADMIN = "admin"


class Action(StrEnum):
    """A permission; its text completes "You may not ..." in error messages."""

    REVIEW = "review pictures"
    UPLOAD = "upload pictures"
    CURATE = "change the tag library"
    REPORT = "read the charts"
    OPERATE = "run the system"


_PERMISSIONS = {
    Role.EDITOR: {Action.REVIEW, Action.UPLOAD},
    Role.OWNER: {Action.REVIEW, Action.UPLOAD, Action.CURATE, Action.REPORT},
    Role.MANAGER: {Action.REPORT},
    Role.ADMIN: set(Action),
}


@dataclass(frozen=True, slots=True)
class User:
    """A user, known by name or e-mail address, with roles."""

    name: str
    roles: frozenset[Role]

    def may(self, action: Action) -> bool:
        """Return whether the user has a permission.

        Args:
            action: The permission.

        Returns:
            Whether any of the user's roles includes it; False without roles.
        """
        return any(action in _PERMISSIONS[role] for role in self.roles)


SYSTEM = User("system", frozenset({Role.ADMIN}))
"""Tagloop itself, the author of automatic events."""


def require(user: User, action: Action) -> None:
    """Check that a user may perform an action.

    Args:
        user: Whose roles are checked.
        action: The permission needed.

    Raises:
        NotAllowedError: None of the user's roles permits it; the message lists the roles that do.
    """
    if not user.may(action):
        able = sorted(role for role in Role if action in _PERMISSIONS[role])
        roles = ", ".join(sorted(user.roles)) or "none"
        raise NotAllowedError(
            f"{user.name} may not {action}: this needs the role {' or '.join(able)}; current roles: {roles}."
        )


def local_user(name: str) -> User:
    """Return the user of a console without sign-in.

    Args:
        name: Any name of 1 to 80 printable characters; runs of white space count as one space.

    Returns:
        A user with this name and all roles.

    Raises:
        NotAllowedError: The name is empty, longer than 80 characters or not printable.
    """
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 80 or not clean.isprintable():
        raise NotAllowedError("Please give a name of 1 to 80 characters, so that decisions have an author.")
    return User(clean, frozenset(Role))


def signed_in_user(email: str, roles_file: Path | None) -> User:
    """Return a user authenticated by the company's sign-in.

    Args:
        email: Address, matched without regard to case.
        roles_file: TOML file that maps each role to addresses: `editor = ["ann@example.com"]`.

    Returns:
        A user named by the address in lower case, with the roles that the file grants; none if it is not listed.

    Raises:
        SettingsError: The roles file is not set, missing or malformed.
    """
    table = _read_roles(roles_file)
    address = email.strip().lower()
    return User(address, frozenset(role for role in Role if address in table.get(role, ())))


def _read_roles(path: Path | None) -> dict[Role, set[str]]:
    if path is None:
        raise SettingsError("Sign-in is configured, but TAGLOOP_ROLES_FILE is not set, so that no user has a role.")
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return {Role(role): {str(name).strip().lower() for name in names} for role, names in table.items()}
    except (OSError, ValueError, TypeError) as error:
        allowed = ", ".join(Role)
        raise SettingsError(
            f"{path} is not a valid roles file: {error}. Expected TOML that maps {allowed} to lists of addresses."
        ) from error
