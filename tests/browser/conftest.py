"""A console in a real Chromium; without it the tests are skipped, or fail if TAGLOOP_REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.served import CHROMIUM_FLAGS, serve

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
