from __future__ import annotations

from pathlib import Path

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Action, Role, local_user, require, signed_in_user
from tagging_core.errors import NotAllowedError, SettingsError
from tagging_core.taxonomy.model import Tag

ROLES = 'editor = ["ann@example.com"]\nmanager = ["Mo@Example.com"]\nadmin = ["root@example.com"]\n'


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


def test_the_roles_file_maps_addresses_to_roles(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(ROLES)
    assert signed_in_user("ANN@example.com", path).roles == {Role.EDITOR}
    assert signed_in_user("mo@example.com", path).roles == {Role.MANAGER}
    assert signed_in_user("stranger@example.com", path).roles == frozenset()


@pytest.mark.parametrize("text", ["editor = 1", "boss = ['x']", "not toml"])
def test_an_invalid_roles_file_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="is not a valid roles file"):
        signed_in_user("ann@example.com", path)
    with pytest.raises(SettingsError, match="TAGLOOP_ROLES_FILE"):
        signed_in_user("ann@example.com", None)


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
