"""Signing in at a real OpenID provider on this machine, and what happens to people whose rights or sessions end."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from oidc_provider_mock import User as Account
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.served import CHROMIUM_FLAGS, serve
from tagging_core import Settings, Tagloop
from tagging_core.common.users import local_user
from tests.browser.conftest import chromium
from tests.conftest import ingest

ROLES = 'editor = ["ann@example.com", "bo@example.com"]\nadmin = ["root@example.com"]\n'
ACCOUNTS = [
    Account(sub="ann", claims={"email": "ann@example.com", "email_verified": True}),
    Account(sub="bo", claims={"email": "Bo@Example.com", "email_verified": True}),
    Account(sub="root", claims={"email": "root@example.com", "email_verified": True}),
    Account(sub="impostor", claims={"email": "root@example.com", "email_verified": False}),
    Account(sub="nameless", claims={}),
    Account(sub="stranger", claims={"email": "stranger@example.com", "email_verified": True}),
]


@dataclass(frozen=True, slots=True)
class Company:
    """A console with sign-in."""

    url: str
    roles: Path
    database: Path

    def events(self) -> int:
        """Return how many decisions were written."""
        with sqlite3.connect(self.database) as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


Open = Callable[[], Page]


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread(user_claims=ACCOUNTS) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def data(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with pictures that wait for review."""
    folder = tmp_path_factory.mktemp("company") / "data"
    shutil.copytree(template, folder)
    loop = Tagloop(Settings(data_dir=folder, encoder="tiny", known_share=0, blind_share=0))
    ingest(loop, local_user("Uli"), *[(200, 5 * n, 20) for n in range(40)])
    loop.close()
    return folder


@pytest.fixture(scope="module")
def settings(data: Path, provider: str) -> dict[str, str]:
    secrets = data.with_name("secrets.toml")
    secrets.write_text(
        '[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "c2VjcmV0"\n'
        'client_id = "tagloop"\nclient_secret = "s3cret"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n'
    )
    roles = data.with_name("roles.toml")
    roles.write_text(ROLES)
    return {"STREAMLIT_SECRETS_FILES": str(secrets), "TAGLOOP_ROLES_FILE": str(roles)}


@pytest.fixture(scope="module")
def served(data: Path, settings: dict[str, str]) -> Iterator[Company]:
    with serve(data, "tiny", **settings) as url:
        yield Company(url, Path(settings["TAGLOOP_ROLES_FILE"]), data / "tagloop.db")


@pytest.fixture
def company(served: Company) -> Company:
    served.roles.write_text(ROLES)
    return served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


def sign_in(browser: Browser, url: str, account: str) -> Page:
    """Sign in with a fresh browser profile."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(20_000)
    page.goto(url)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=account, exact=True).click()
    page.get_by_role("button", name="Sign out", exact=True).wait_for()
    return page


def open_review(page: Page, url: str) -> None:
    page.goto(f"{url}/review")
    page.locator(".tl-chip").first.wait_for()


def act(page: Page) -> None:
    page.keyboard.press("1")
    page.keyboard.press("d")
    page.wait_for_timeout(1500)


def test_roles_come_from_the_verified_address(company: Company, browser: Browser) -> None:
    editor, administrator = sign_in(browser, company.url, "bo"), sign_in(browser, company.url, "root")
    expect(editor.get_by_role("link", name="Upload")).to_be_visible()
    expect(editor.get_by_text("Integrations")).to_have_count(0)
    expect(administrator.get_by_role("link", name="Integrations")).to_be_visible()


@pytest.mark.parametrize(
    ("account", "reads"),
    [("impostor", "no verified e-mail"), ("nameless", "no verified e-mail"), ("stranger", "has no role")],
)
def test_others_read_why_and_can_sign_out(company: Company, browser: Browser, account: str, reads: str) -> None:
    page = sign_in(browser, company.url, account)
    expect(page.get_by_text(reads)).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)


def test_a_role_that_was_taken_away_ends_an_open_review(company: Company, browser: Browser) -> None:
    page = sign_in(browser, company.url, "ann")
    open_review(page, company.url)
    before = company.events()
    act(page)
    assert company.events() > before
    company.roles.write_text(ROLES.replace("ann@example.com", "an@example.com"))
    before = company.events()
    act(page)
    expect(page.get_by_text("may not review pictures").first).to_be_visible()
    act(page)
    assert company.events() == before


def test_signing_out_in_one_tab_ends_the_other(company: Company, browser: Browser) -> None:
    page = sign_in(browser, company.url, "bo")
    open_review(page, company.url)
    other = page.context.new_page()
    other.goto(company.url)
    other.get_by_role("button", name="Sign out", exact=True).click()
    other.wait_for_url(lambda url: company.url not in url or "oauth2callback" in url)
    before = company.events()
    act(page)
    expect(page.get_by_text("Please sign in again").first).to_be_visible()
    assert company.events() == before


def test_an_administrator_signs_somebody_out_everywhere(company: Company, browser: Browser) -> None:
    page = sign_in(browser, company.url, "ann")
    cookies = page.context.cookies()
    root = sign_in(browser, company.url, "root")
    root.goto(f"{company.url}/integrations")
    root.get_by_role("tab", name="Sessions").click()
    root.locator(".st-key-sign_out_ann-example-com").get_by_role("button").click()
    expect(root.locator(".st-key-sign_out_ann-example-com")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    stolen = browser.new_context()
    stolen.add_cookies(cookies)  # type: ignore[arg-type]
    thief = stolen.new_page()
    thief.goto(company.url)
    expect(thief.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_a_session_expires(data: Path, settings: dict[str, str], browser: Browser, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    with serve(copy, "tiny", **settings, TAGLOOP_SESSION_IDLE_HOURS="0.001") as url:
        page = sign_in(browser, url, "bo")
        page.wait_for_timeout(5_000)
        page.reload()
        expect(page.get_by_text("has expired")).to_be_visible()
