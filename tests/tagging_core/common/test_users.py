from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Action, Role, local_user, require, signed_in_user
from tagging_core.errors import NotAllowedError, SettingsError
from tagging_core.taxonomy.model import Tag

ROLES = 'editor = ["ann@example.com"]\nmanager = ["Mo@Example.com"]\nadmin = ["root@example.com"]\n'
ISSUER = "https://login.example.com"


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.EDITOR, {Action.REVIEW, Action.UPLOAD}),
        (Role.OWNER, {Action.REVIEW, Action.UPLOAD, Action.CURATE, Action.REPORT}),
        (Role.MANAGER, {Action.REPORT}),
        (Role.ADMIN, set(Action)),
    ],
)
def test_each_role_has_exactly_its_permissions(role: Role, allowed: set[Action]) -> None:
    user = User("x", frozenset({role}))
    assert {action for action in Action if user.may(action)} == allowed


def test_a_refusal_names_the_required_roles() -> None:
    with pytest.raises(NotAllowedError, match="needs the role admin or owner; current roles: editor"):
        require(User("ann", frozenset({Role.EDITOR})), Action.CURATE)


def verified(email: str) -> dict[str, object]:
    return {"email": email, "email_verified": True, "iss": ISSUER, "sub": "7f3a"}


def test_the_roles_file_maps_addresses_to_roles(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(ROLES)
    assert signed_in_user(verified("ANN@example.com"), path) == User("ann@example.com", frozenset({Role.EDITOR}))
    assert signed_in_user(verified("mo@example.com"), path).roles == {Role.MANAGER}
    assert signed_in_user(verified("stranger@example.com"), path).roles == frozenset()


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "root@example.com", "email_verified": False},
        {"email": "root@example.com", "email_verified": None},
        {"email": "root@example.com", "email_verified": "true"},
        {"email": "root@example.com", "email_verified": 1},
        {"email": "root@example.com"},
        {"email": ["root@example.com"], "email_verified": True},
        {"email": None, "email_verified": True},
        {"email": "", "email_verified": True},
        {"email": f"{ISSUER} 7f3b", "email_verified": True},
        {"preferred_username": "root@example.com", "name": "root@example.com"},
        {},
    ],
)
def test_only_a_verified_address_has_roles(tmp_path: Path, claims: dict[str, object]) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(ROLES + f'owner = ["{ISSUER} 7f3b", "", " "]')
    for subject in (
        {},
        {"iss": ISSUER, "sub": "7f3a"},
        {"iss": "https://evil.example", "sub": "7f3b"},
        {"sub": " "},
    ):
        with pytest.raises(NotAllowedError, match="no verified e-mail address"):
            signed_in_user(claims | subject, path)


@pytest.mark.parametrize(
    "email", ["\u212aate@example.com", " kate@example.com", "kate@example.com ", "kate@example.com\n"]
)
def test_an_address_that_only_resembles_another_has_no_role(tmp_path: Path, email: str) -> None:
    path = tmp_path / "roles.toml"
    path.write_text('admin = ["kate@example.com"]')
    with contextlib.suppress(NotAllowedError):  # where it is no address at all
        assert not signed_in_user(verified(email), path).roles


def test_a_person_without_an_address_is_known_by_the_providers_own_name(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(f'owner = ["{ISSUER} 7f3a"]')
    claims: dict[str, object] = {"iss": ISSUER, "sub": "7f3a", "email": "root@example.com"}
    assert signed_in_user(claims, path) == User(f"{ISSUER} 7f3a", frozenset({Role.OWNER}))


def test_a_changed_roles_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(ROLES)
    assert signed_in_user(verified("root@example.com"), path).roles == {Role.ADMIN}
    path.write_text(ROLES.replace("root@example.com", "toor@example.com"))
    assert signed_in_user(verified("root@example.com"), path).roles == frozenset()
    path.unlink()
    with pytest.raises(SettingsError, match="is not a valid roles file"):
        signed_in_user(verified("root@example.com"), path)


@pytest.mark.parametrize(
    "text",
    ["editor = 1", "editor = 'ann@example.com'", "editor = [1]", "boss = ['x']", "not toml", "[editor]\na = 1"],
)
def test_an_invalid_roles_file_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="is not a valid roles file"):
        signed_in_user(verified("ann@example.com"), path)
    with pytest.raises(SettingsError, match="TAGLOOP_ROLES_FILE"):
        signed_in_user(verified("ann@example.com"), None)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b"])
def test_an_invalid_local_name_is_rejected(name: str) -> None:
    with pytest.raises(NotAllowedError, match="1 to 80"):
        local_user(name)


def test_core_functions_check_the_role(loop: Tagloop, manager: User, ann: User) -> None:
    editor = User("ed", frozenset({Role.EDITOR}))
    with pytest.raises(NotAllowedError):
        loop.review.decide(manager, Decision(Kind.DONE, 1))
    with pytest.raises(NotAllowedError):
        loop.review.undo(manager, 1)
    with pytest.raises(NotAllowedError):
        loop.curation.save(editor, Tag("", "scene", {"en": "New"}))
    with pytest.raises(NotAllowedError):
        loop.rebuild(editor)
    with pytest.raises(NotAllowedError):
        loop.ingest.stop(manager, 1)
