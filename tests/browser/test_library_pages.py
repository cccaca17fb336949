"""The owners' pages in a browser: dialogs opened by their buttons."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def test_a_merge_is_previewed_done_and_undone(page: Page, console_url: str) -> None:
    page.goto(f"{console_url}/tags?tag=garment.hat")
    page.get_by_role("heading", name="Hat", exact=True).wait_for()
    page.wait_for_timeout(2000)
    page.locator("button:visible", has_text="Merge").first.click()
    page.get_by_label("becomes").fill("Scarf")
    page.keyboard.press("Enter")
    expect(page.get_by_text("A CMS that asks for")).to_be_visible()
    page.get_by_role("dialog").locator("button:visible", has_text=re.compile("^Merge$")).click()
    expect(page.get_by_role("heading", name="Scarf", exact=True)).to_be_visible()
    page.locator("button:visible", has_text=re.compile("Undo")).first.click()
    expect(page.get_by_role("heading", name="Hat", exact=True)).to_be_visible()
