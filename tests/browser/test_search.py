from __future__ import annotations

from playwright.sync_api import Page, expect


def test_searching_as_you_type_selecting_and_exporting(page: Page, console_url: str) -> None:
    page.locator("button:visible", has_text="Try it with sample photos").click()
    page.get_by_text("40 new").wait_for(timeout=120_000)
    page.goto(f"{console_url}/search")
    field = page.locator("input[type=search]")
    field.wait_for()
    page.wait_for_timeout(2_000)
    field.press_sequentially("white", delay=120)
    page.get_by_text("Tags in your words").wait_for()
    expect(field).to_be_focused()  # incoming results do not steal the focus while typing
    page.wait_for_url("**/search?q=white")
    cells = page.locator(".gallery .cell")
    cells.first.wait_for()
    cells.first.click()
    page.get_by_text("1 picture selected").wait_for()
    page.locator("button:visible", has_text="Export").first.click()
    page.get_by_role("dialog").get_by_text("Columns").wait_for()
    with page.expect_download() as download:
        page.get_by_role("dialog").locator("button:visible", has_text="Export 1 picture").click()
    assert download.value.suggested_filename == "tagloop.csv"
