"""A console in a real Chromium; without it the tests are skipped, or fail if TAGLOOP_REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.served import CHROMIUM_FLAGS, serve
from tests.conftest import photo

REDS = [(200 + n, 20, 20) for n in range(0, 40, 10)]
BLUES = [(30, 60, 180 + n) for n in range(0, 30, 10)]

expect.set_options(timeout=20_000)  # other tests share the cores


def chromium() -> str:
    """Return the path of Chromium; without it, skip the test or, with TAGLOOP_REQUIRE_BROWSER, fail."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("TAGLOOP_REQUIRE_BROWSER"):
            pytest.fail("Chromium is missing, and TAGLOOP_REQUIRE_BROWSER is set.")
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    return found


@pytest.fixture
def console_url(template: Path, tmp_path: Path) -> Iterator[str]:
    data = tmp_path / "console"
    shutil.copytree(template, data)
    with serve(data, "tiny") as url:
        yield url


@pytest.fixture
def page(console_url: str) -> Iterator[Page]:
    """A new browser page on the console, after entering a name."""
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.set_default_timeout(30_000)
        opened.goto(console_url)
        opened.get_by_label("Your name").fill("Ann")
        opened.get_by_role("button", name="Start").click()
        opened.get_by_role("heading", name="Upload pictures").wait_for()
        yield opened
        browser.close()


@pytest.fixture
def review(page: Page, tmp_path: Path) -> Page:
    """The review page with four reddish and three bluish pictures."""
    names = []
    for n, colour in enumerate([*REDS, *BLUES]):
        name = tmp_path / f"picture{n}.jpg"
        name.write_bytes(photo(colour, (300 + n, 200)))
        names.append(name)
    page.locator("input[type=file]").set_input_files(names)
    page.get_by_role("button", name="Tag 7 photos").click()
    page.get_by_text("7 new · tagged in").wait_for()
    page.get_by_test_id("stMain").get_by_role("link", name="Review").click()
    page.get_by_text("0 done · 7 waiting").wait_for()
    page.locator(".tl-chip").first.wait_for()
    return page
