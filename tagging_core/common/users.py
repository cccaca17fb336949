"""Users, roles and permissions."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
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


def signed_in_user(claims: Mapping[str, object], roles_file: Path | None) -> User:
    """Return a user authenticated by the company's sign-in.

    Args:
        claims: What the identity provider says: `email`, which counts if `email_verified` is true, and `iss` and
            `sub`, which name a person without one.
        roles_file: TOML file that maps each role to people, by address or by `iss sub`:
            `editor = ["ann@example.com", "https://login.example.com 7f3a"]`.

    Returns:
        A user named by the verified address in lower case, or by `iss sub`, with the roles that the file grants;
        none if it lists neither.

    Raises:
        NotAllowedError: The provider gives neither a verified address nor `iss` and `sub` that the file lists.
        SettingsError: The roles file is not set, missing or malformed.
    """
    table = read_roles(roles_file)
    names = [name for name in (_verified_email(claims), _subject(claims)) if name]
    roles = frozenset(role for role in Role if table.get(role, frozenset()).intersection(names))
    if not roles and not _verified_email(claims):
        instead = f", or to list you in the roles file as {_subject(claims)!r}" if _subject(claims) else ""
        raise NotAllowedError(
            "Your sign-in carries no verified e-mail address. Ask an administrator to have the identity provider "
            f"send the claims email and email_verified{instead}."
        )
    return User(names[0], roles)


def read_roles(path: Path | None) -> dict[Role, frozenset[str]]:
    """Read the roles file; it is read again when it has changed.

    Args:
        path: The file; None is an error, since nobody would have a role.

    Returns:
        For each role that the file names, addresses and subjects; addresses in lower case.

    Raises:
        SettingsError: The file is not set, missing or malformed.
    """
    if path is None:
        raise SettingsError("Sign-in is configured, but TAGLOOP_ROLES_FILE is not set, so that no user has a role.")
    try:
        found = path.stat()
        return _parsed_roles(path, (found.st_mtime_ns, found.st_size, found.st_ino))
    except (OSError, ValueError, TypeError) as error:
        allowed = ", ".join(Role)
        raise SettingsError(
            f"{path} is not a valid roles file: {error}. Expected TOML that maps {allowed} to lists of addresses."
        ) from error


@lru_cache(maxsize=4)
def _parsed_roles(path: Path, _: tuple[int, int, int]) -> dict[Role, frozenset[str]]:
    table = tomllib.loads(path.read_text("utf-8"))
    return {Role(role): frozenset(_names(names)) for role, names in table.items()}


def _names(names: object) -> Iterator[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{names!r} is not a list of texts")
    for name in names:
        yield name.strip() if " " in name.strip() else _folded(name.strip())


def _verified_email(claims: Mapping[str, object]) -> str:
    """The address, if the provider vouches for it; empty otherwise."""
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        return ""
    usable = "@" in email and email.isprintable() and " " not in email
    return _folded(email) if usable else ""


def _subject(claims: Mapping[str, object]) -> str:
    """The provider's own name for a person, `iss sub`; empty without both."""
    issuer, subject = claims.get("iss"), claims.get("sub")
    both = isinstance(issuer, str) and isinstance(subject, str) and issuer.strip() and subject.strip()
    return f"{issuer} {subject}" if both else ""


def _folded(address: str) -> str:
    """An address in lower case; not beyond ASCII, where the Kelvin sign would become a k."""
    return address.lower() if address.isascii() else address
