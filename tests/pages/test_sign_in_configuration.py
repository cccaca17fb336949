"""Sign-in that is configured wrongly stops the console; it never lets everybody in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from console import sign_in
from tagging_core.errors import SettingsError
from tests.test_structure import ROOT

AUTH = """[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "c2VjcmV0"
client_id = "tagloop"
client_secret = "s3cret"
server_metadata_url = "https://login.example.com/.well-known/openid-configuration"
"""
BROKEN = {
    "a missing quote": AUTH.replace('"tagloop"', '"tagloop'),
    "no closing bracket": AUTH.replace("[auth]", "[auth"),
    "a capital letter": AUTH.replace("[auth]", "[Auth]"),
    "another name": AUTH.replace("[auth]", "[sign_in]"),
    "no table": AUTH.replace("[auth]", ""),
    "a comment": AUTH.replace("[auth]", "# [auth]"),
    "not UTF-8": "",
    "an empty client id": AUTH.replace('"tagloop"', '""'),
    "a number": AUTH.replace('"s3cret"', "5"),
    "no cookie secret": AUTH.replace("cookie_secret", "cookie"),
    "an empty cookie secret": AUTH.replace('"c2VjcmV0"', '" "'),
    "no metadata": AUTH.replace("server_metadata_url", "metadata"),
    "another callback": AUTH.replace("oauth2callback", "callback"),
    "a provider that is a text": 'auth = "yes"',
    "an empty table": "[auth]\n",
}
WITH_ROLES_ONLY = {
    "an empty file": "",
    "nothing but white space": "\n \n",
    "other secrets": 'password = "x"',
    "none": None,
}

Configure = Callable[[str | None, bool], None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Return a function that sets the text of secrets.toml, or has no such file, and perhaps a roles file."""
    before, file, roles = config.get_option("secrets.files"), tmp_path / "secrets.toml", tmp_path / "roles.toml"
    roles.write_text('editor = ["ann@example.com"]')
    config.set_option("secrets.files", [str(file)])

    def write(secrets: str | None, with_roles: bool) -> None:
        if secrets is not None:
            file.write_text(secrets)
        if with_roles:
            monkeypatch.setenv("TAGLOOP_ROLES_FILE", str(roles))
        secrets_singleton._reset()
        sign_in.required.cache_clear()

    yield write
    config.set_option("secrets.files", before)
    secrets_singleton._reset()
    sign_in.required.cache_clear()


@pytest.mark.parametrize("with_roles", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_broken_sign_in_is_refused(configure: Configure, tmp_path: Path, name: str, with_roles: bool) -> None:
    configure(BROKEN[name], with_roles)
    if name == "not UTF-8":
        (tmp_path / "secrets.toml").write_bytes(b'\xff\xfe[auth]\nx = "\xe9"')
    with pytest.raises(SettingsError, match="does not start until sign-in works"):
        sign_in.required()


@pytest.mark.parametrize("name", WITH_ROLES_ONLY)
def test_a_roles_file_needs_sign_in(configure: Configure, name: str) -> None:
    configure(WITH_ROLES_ONLY[name], False)
    assert sign_in.required() is False
    configure(WITH_ROLES_ONLY[name], True)
    with pytest.raises(SettingsError, match="TAGLOOP_ROLES_FILE"):
        sign_in.required()


def test_sign_in_needs_a_roles_file(configure: Configure) -> None:
    configure(AUTH, False)
    with pytest.raises(SettingsError, match="TAGLOOP_ROLES_FILE is not set"):
        sign_in.required()


def test_a_file_that_breaks_later_lets_nobody_in(configure: Configure, tmp_path: Path) -> None:
    configure(AUTH, True)
    assert sign_in.required() is True
    (tmp_path / "secrets.toml").write_text("")
    secrets_singleton._reset()
    assert sign_in.required() is True


def test_the_console_does_not_start(tmp_path: Path) -> None:
    roles = tmp_path / "roles.toml"
    roles.write_text('editor = ["ann@example.com"]')
    environment = {**os.environ, "TAGLOOP_ROLES_FILE": str(roles), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port=0", "--server.headless=true"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "Tagloop does not start: TAGLOOP_ROLES_FILE=" in ended.stderr
    assert "Traceback" not in ended.stderr
