from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from console import page_paths, session, sign_in
from tagging_core import Tagloop, User
from tagging_core.common.users import Role
from tagging_core.storage import key_values
from tests.conftest import wait_for
from tests.pages.conftest import FRAME, plain

PAGES = {
    page_paths.UPLOAD: {Role.EDITOR, Role.OWNER, Role.ADMIN},
    page_paths.REVIEW: {Role.EDITOR, Role.OWNER, Role.ADMIN},
    page_paths.TAGS: {Role.EDITOR, Role.OWNER, Role.ADMIN},
    page_paths.TRENDS: {Role.OWNER, Role.MANAGER, Role.ADMIN},
    page_paths.ACCURACY: {Role.OWNER, Role.MANAGER, Role.ADMIN},
}


def test_the_name_is_asked_for_only_the_first_time(console: Tagloop) -> None:
    at = AppTest.from_file(FRAME, default_timeout=30).run()
    assert at.header[0].value == "Who is tagging?"
    assert "no protection" in at.caption[0].value
    at.text_input[0].set_value("Zoë")
    at.button[0].click().run()
    assert at.title[0].value == "Upload pictures"
    again = AppTest.from_file(FRAME, default_timeout=30).run()
    assert again.title[0].value == "Upload pictures"
    with console.database.read() as connection:
        assert key_values.get(connection, "console.local_name") == "Zoë"


def test_an_empty_name_is_refused(console: Tagloop) -> None:
    at = AppTest.from_file(FRAME, default_timeout=30).run()
    at.text_input[0].set_value("  ")
    at.button[0].click().run()
    assert "1 to 80 characters" in at.error[0].value


def test_other_machines_are_refused_without_sign_in(console: Tagloop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "browser_address", lambda: "192.0.2.7")
    at = AppTest.from_file(FRAME, default_timeout=30).run()
    assert "only answers the machine it runs on" in at.error[0].value
    assert not at.title


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("page", PAGES)
def test_pages_a_role_may_not_use_are_hidden_and_refused(
    open_page: Callable[..., AppTest], page: str, role: Role
) -> None:
    at = open_page(user=User("x", frozenset({role})))
    if role in PAGES[page]:
        at.switch_page(page).run()
        assert not at.error
        assert not at.exception
    else:
        direct = AppTest.from_file(page, default_timeout=30)
        direct.session_state["user"] = User("x", frozenset({role}))
        direct.run()
        assert "x may not" in direct.error[0].value


def test_a_user_without_a_role_is_referred_to_an_administrator(open_page: Callable[..., AppTest]) -> None:
    at = open_page(user=User("stranger@example.com", frozenset()))
    assert "Ask an administrator" in at.error[0].value


def test_a_second_console_says_what_to_do(working: Tagloop) -> None:
    at = AppTest.from_file(FRAME, default_timeout=30).run()
    assert "Another Tagloop console uses" in at.error[0].value
    assert "TAGLOOP_DATA_DIR" in plain(at.error[0].value)


@pytest.mark.parametrize(("email", "sees"), [("ann@example.com", "Upload pictures"), ("nobody@example.com", None)])
def test_signed_in_users_get_their_roles_from_the_file(
    console: Tagloop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, email: str, sees: str | None
) -> None:
    roles = tmp_path / "roles.toml"
    roles.write_text('editor = ["ann@example.com"]')
    console.settings = console.settings.model_copy(update={"roles_file": roles})
    monkeypatch.setattr(sign_in, "required", lambda: True)
    monkeypatch.setattr(session, "browser_address", lambda: "192.0.2.7")
    at = AppTest.from_file(FRAME, default_timeout=30)
    at.user = {"is_logged_in": True, "email": email, "email_verified": True}
    at.run()
    assert not at.exception
    if sees:
        assert at.title[0].value == sees
    else:
        assert "no role in Tagloop yet" in at.error[0].value
        assert [b.label for b in at.button] == ["Sign out"]


@pytest.mark.parametrize(
    "claims", [{"email": "ann@example.com", "email_verified": False}, {"email": "ann@example.com"}, {"name": "Ann"}]
)
def test_whoever_has_no_verified_address_reads_why_and_can_sign_out(
    console: Tagloop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, claims: dict[str, object]
) -> None:
    roles = tmp_path / "roles.toml"
    roles.write_text('admin = ["ann@example.com"]')
    console.settings = console.settings.model_copy(update={"roles_file": roles})
    monkeypatch.setattr(sign_in, "required", lambda: True)
    at = AppTest.from_file(FRAME, default_timeout=30)
    at.user = {"is_logged_in": True, **claims}
    at.run()
    assert not at.exception
    assert "no verified e-mail address" in plain(at.error[0].value)
    assert [b.label for b in at.button] == ["Sign out"]


def test_a_signed_out_visitor_is_asked_to_sign_in(console: Tagloop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "required", lambda: True)
    at = AppTest.from_file(FRAME, default_timeout=30)
    at.user = {"is_logged_in": False}
    at.run()
    assert [b.label for b in at.button] == ["Sign in"]


def test_a_rebuilt_index_is_reported(open_page: Callable[..., AppTest], console: Tagloop) -> None:
    assert console.worker is not None
    wait_for(lambda: console.worker and console.worker.chroma != "opening")
    console.worker.chroma = "rebuilt: it was damaged"
    assert "Nothing was lost" in open_page().sidebar.info[0].value
