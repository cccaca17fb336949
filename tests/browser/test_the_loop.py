from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import BLUE, RED, photo


def upload_two(page: Page, folder: Path) -> None:
    for name, colour in (("red.jpg", RED), ("blue.jpg", BLUE)):
        (folder / name).write_bytes(photo(colour, (400, 300)))
    page.locator("input[type=file]").set_input_files([folder / "red.jpg", folder / "blue.jpg"])
    page.get_by_role("button", name="Tag 2 photos").click()
    page.get_by_text("2 new · tagged in").wait_for()


def test_upload_accept_and_reject_update_the_counts(page: Page, tmp_path: Path) -> None:
    upload_two(page, tmp_path)
    page.get_by_test_id("stMain").get_by_role("link", name="Review").click()
    expect(page.get_by_text("0 done · 2 waiting")).to_be_visible()

    chips = page.locator(".tl-chip")
    chips.first.locator(".tl-yes").click()
    chips.nth(1).get_by_role("button", name=re.compile("^Not ")).click()
    expect(chips.first).to_have_attribute("data-state", "yes")
    expect(chips.nth(1)).to_have_attribute("data-state", "no")
    page.keyboard.press("d")
    expect(page.get_by_text("1 done · 1 waiting")).to_be_visible()

    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name="Overview").click()
    for label, value in (("New pictures", "2"), ("Finished", "1"), ("Waiting", "1"), ("Recall", "100%")):
        metric = page.get_by_test_id("stMetric").filter(has_text=re.compile(rf"^{label}"))
        expect(metric.get_by_test_id("stMetricValue")).to_have_text(value)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.get_by_role("link", name="Accuracy").click()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)


def test_shortcuts_do_not_fire_while_typing_and_undo_survives_a_reload(page: Page, tmp_path: Path) -> None:
    upload_two(page, tmp_path)
    page.get_by_test_id("stMain").get_by_role("link", name="Review").click()
    page.get_by_text("0 done · 2 waiting").wait_for()

    page.get_by_role("combobox", name="Type any tag").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("dress")  # contains d and s, which are Done and Skip outside a text field
    expect(page.get_by_role("option", name="Dress", exact=False).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-tag='garment.dress']:visible")).to_have_count(1)
    expect(page.get_by_text("0 done · 2 waiting")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_text("0 done · 1 waiting · 1 skipped")).to_be_visible()
    page.reload()
    expect(page.get_by_text("0 done · 1 waiting · 1 skipped")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("0 done · 2 waiting")).to_be_visible()


def test_a_deep_link_opens_the_page_with_its_navigation(page: Page, console_url: str) -> None:
    page.goto(f"{console_url}/review?batch=1")
    expect(page.get_by_text("There are no pictures yet")).to_be_visible()
    expect(page.get_by_role("link", name="Accuracy")).to_be_attached()
