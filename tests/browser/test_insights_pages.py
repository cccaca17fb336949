"""The managers' pages in a browser: no scrolling on the overview, clicks on charts, and downloads."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect


def finish_some(page: Page, console_url: str) -> None:
    """Accept the first suggestion of a few sample photos and finish them."""
    page.wait_for_timeout(2000)  # a click in the first moments after a page was drawn may be lost
    page.get_by_role("button", name="Try it with sample photos").click()
    page.get_by_text("tagged in").wait_for(timeout=60_000)
    page.goto(f"{console_url}/review?profile=e-commerce")
    page.locator("html[data-tagloop=keys]").wait_for(state="attached")
    for n in range(1, 4):
        page.wait_for_timeout(1200)
        page.keyboard.press("1")
        page.wait_for_timeout(800)
        page.keyboard.press("d")
        page.get_by_text(f"{n} done").wait_for()


def test_the_overview_fits_the_screen_and_links_to_the_pictures(
    page: Page, console_url: str, tmp_path: Path
) -> None:
    finish_some(page, console_url)
    page.goto(f"{console_url}/overview")
    bar = page.locator(".barlayer .point path").first
    bar.wait_for()
    page.wait_for_timeout(2000)
    hidden = page.get_by_test_id("stMain").evaluate("e => e.scrollHeight - e.clientHeight")
    assert hidden <= 0  # nothing to scroll at 1440 x 900
    with page.expect_download() as report:
        page.get_by_role("button", name="Report to print").click()
    assert re.fullmatch(r"tagloop-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.html", report.value.suggested_filename)
    with page.expect_download() as numbers:
        page.locator(".st-key-csv_overview_content button:visible").first.click()
    numbers.value.save_as(tmp_path / "numbers.csv")
    assert (tmp_path / "numbers.csv").read_text("utf-8-sig").startswith("bucket,group,n,of,share\n")
    bar.click(force=True)
    expect(page).to_have_url(re.compile(r"/pictures\?.*from="))
    expect(page.get_by_text("3 pictures")).to_be_visible()
    page.wait_for_timeout(1000)
    page.locator(".cell").first.click()
    expect(page.get_by_role("dialog").get_by_text("Ann", exact=False).first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Trends").click()
    page.get_by_text("90 days").first.click()
    expect(page).to_have_url(re.compile("days=90"))
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Accuracy").click()
    expect(page).to_have_url(re.compile("/accuracy.*days=90"))
