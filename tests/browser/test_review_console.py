"""The review page in a browser: keys, the gallery, and the tag search field."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tagging_core import Settings, Tagloop
from tagging_core.common.users import local_user


def idle(page: Page) -> None:
    page.wait_for_timeout(100)
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning']").wait_for()


def press(page: Page, key: str) -> None:
    idle(page)
    page.keyboard.press(key)


def asset(page: Page) -> str | None:
    return page.locator(".tagloop-review").get_attribute("data-asset")


def saved(page: Page) -> None:
    """Wait until every act was answered."""
    expect(page.locator(".tagloop-review[data-waiting='0']")).to_have_count(1)


def test_a_digit_toggles_its_suggestion_and_undo_reopens_the_picture(review: Page) -> None:
    chip = review.locator(".tl-chip").first
    review.keyboard.press("1")
    expect(chip).to_have_attribute("data-state", "yes")
    review.keyboard.press("1")
    expect(chip).to_have_attribute("data-state", "open")
    review.keyboard.press("x")
    here = asset(review)
    review.keyboard.press("d")
    expect(review.get_by_text("1 done · 6 waiting")).to_be_visible()
    assert asset(review) != here
    review.keyboard.press("z")
    expect(review.get_by_text("0 done · 7 waiting")).to_be_visible()
    assert asset(review) == here


def test_keys_that_come_at_once_act_on_what_is_on_screen(review: Page) -> None:
    pictures = []
    for _ in range(5):
        pictures.append(asset(review))
        review.keyboard.press("1")
        review.keyboard.press("d")
    saved(review)
    assert len(set(pictures)) == 5
    expect(review.get_by_text("5 done · 2 waiting")).to_be_visible()
    for picture in reversed(pictures):
        review.keyboard.press("ArrowLeft")
        assert asset(review) == picture
        expect(
            review.locator(".tl-chip[data-state=yes]").or_(review.locator(".tl-decided [data-state=yes]"))
        ).to_have_count(1)
        expect(review.locator(".tl-finished")).to_contain_text("Done by you")


def test_acts_survive_a_reload_before_the_server_has_answered(review: Page) -> None:
    here = asset(review)
    review.context.set_offline(True)
    review.keyboard.press("1")
    expect(review.locator(".tl-chip").first).to_have_attribute("data-state", "yes")
    kept = review.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tagloop.act.')).length")
    review.context.set_offline(False)
    review.reload()
    expect(review.locator(".tagloop-review")).to_have_attribute("data-asset", here or "")
    saved(review)
    assert kept <= 1
    decided = review.locator(".tl-chip[data-state=yes]").or_(review.locator(".tl-decided [data-state=yes]"))
    expect(decided).to_have_count(1)


def test_undo_after_a_reload_takes_back_the_latest_key(review: Page) -> None:
    chip = review.locator(".tl-chip").first
    tag = chip.get_attribute("data-tag")
    review.keyboard.press("1")
    review.keyboard.press("1")  # takes the acceptance back
    saved(review)
    review.reload()
    saved(review)
    review.keyboard.press("z")
    expect(review.locator(f"[data-tag='{tag}'][data-state=yes]")).to_have_count(1)


def test_a_decision_that_is_refused_comes_back_to_its_picture(review: Page, tmp_path: Path) -> None:
    here = asset(review)
    other = Tagloop(Settings(data_dir=tmp_path / "console", encoder="tiny"))
    other.review.assigner.take(local_user("Bob"), int(here or 0), force=True)
    other.close()
    review.keyboard.press("1")
    review.keyboard.press("s")
    saved(review)
    refused = review.locator(".tl-refused")
    expect(refused).to_have_count(2)
    expect(refused.first).to_contain_text("Bob has had picture")
    refused.first.get_by_role("button", name="Show").click()
    expect(review.locator(".tagloop-review")).to_have_attribute("data-asset", here or "")
    expect(review.get_by_text("Bob has this picture open.")).to_be_visible()
    refused.first.get_by_role("button", name="Close").click()
    refused.first.get_by_role("button", name="Close").click()
    expect(refused).to_have_count(0)
    review.keyboard.press("t")
    saved(review)
    review.keyboard.press("1")
    saved(review)
    expect(refused).to_have_count(0)


def test_done_with_nothing_decided_asks_once(review: Page) -> None:
    here = asset(review)
    review.keyboard.press("d")
    expect(review.get_by_text("No tag applies?")).to_be_visible()
    assert asset(review) == here
    review.keyboard.press("d")
    expect(review.get_by_text("1 done · 6 waiting")).to_be_visible()
    review.keyboard.press("d")
    expect(review.get_by_text("2 done · 5 waiting")).to_be_visible()


def test_the_picture_fills_most_of_the_screen_and_nothing_moves_when_a_tag_is_accepted(review: Page) -> None:
    stage = review.locator(".tl-stage").bounding_box()
    assert stage is not None
    assert stage["width"] >= 0.6 * 1440
    second = review.locator(".tl-chip").nth(1)
    before = second.bounding_box()
    review.keyboard.press("1")
    saved(review)
    assert second.bounding_box() == before
    assert review.locator(".tl-stage").bounding_box() == stage


def test_the_first_suggestion_is_within_three_tabs(review: Page) -> None:
    for _ in range(3):
        review.keyboard.press("Tab")
        if review.evaluate("document.activeElement.classList.contains('tl-yes')"):
            return
    pytest.fail("The focus is on " + review.evaluate("document.activeElement.outerHTML"))


def test_shortcuts_are_ignored_while_a_dialog_is_open(review: Page) -> None:
    review.keyboard.press("?")
    expect(
        review.get_by_role("dialog").get_by_text("Done: what you left out does not apply", exact=False)
    ).to_be_visible()
    review.keyboard.press("d")
    review.keyboard.press("1")
    review.keyboard.press("Escape")
    expect(review.get_by_role("dialog")).to_have_count(0)
    expect(review.get_by_text("0 done · 7 waiting")).to_be_visible()
    expect(review.locator(".tl-chip[data-state=yes]")).to_have_count(0)


def test_a_flag_closes_its_dialog_at_once_and_the_next_picture_shows(review: Page) -> None:
    here = asset(review)
    review.keyboard.press("f")
    review.keyboard.type("Is this a cape?")
    review.keyboard.press("Control+Enter")
    expect(review.locator(".tl-dialog[open]")).to_have_count(0)
    assert asset(review) != here
    expect(review.get_by_text("0 done · 6 waiting · 1 flagged")).to_be_visible()


def test_a_tag_is_found_and_a_new_one_proposed_by_keyboard(review: Page) -> None:
    review.keyboard.press("/")
    review.keyboard.type("snaekers")
    expect(review.get_by_role("option").first).to_contain_text("Shoes")
    expect(review.locator("[role=option][aria-selected=true]")).to_have_count(
        0
    )  # similar is not selected by itself
    review.keyboard.press("ArrowDown")
    review.keyboard.press("Enter")
    expect(review.locator("[data-tag='garment.shoes']:visible").first).to_be_visible()
    review.keyboard.press("/")
    review.keyboard.type("Zeppelin")
    expect(review.get_by_role("option").last).to_contain_text("Propose")
    review.keyboard.press("ArrowUp")
    review.keyboard.press("Enter")
    dialog = review.locator(".tl-dialog[open]")
    expect(dialog.get_by_label("English name")).to_have_value("Zeppelin")
    dialog.get_by_role("button", name="Propose").click()
    expect(review.get_by_text("Zeppelin (proposed)").first).to_be_visible()


def test_a_suggestion_can_be_replaced_by_another_tag(review: Page) -> None:
    first = review.locator(".tl-chip").first.get_attribute("data-tag")
    review.keyboard.press("e")
    expect(review.get_by_placeholder("Replace")).to_be_focused()
    review.keyboard.type("island")
    expect(review.get_by_role("option").first).to_contain_text("Island")
    review.keyboard.press("Enter")
    expect(review.locator(f".tl-chip[data-tag='{first}']")).to_have_attribute("data-state", "no")
    saved(review)
    press(review, "h")
    expect(review.get_by_role("dialog").get_by_text("by Island")).to_be_visible()


def test_the_grid_works_by_keyboard_and_is_undone_as_one_action(review: Page) -> None:
    review.goto(review.url.split("?")[0] + "?mode=grid&ask=colour.red&profile=general")
    cells = review.locator("[role=checkbox]")
    expect(cells.first).to_be_visible()
    expect(cells.first).to_be_focused()
    shown = cells.count()
    yes = review.locator("[role=checkbox][aria-checked=true]").count()
    press(review, " ")  # from yes to no
    expect(review.get_by_role("button", name=f"Confirm: {yes - 1} Red, 1 not")).to_be_visible()
    press(review, "ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    press(review, " ")
    press(review, " ")  # by way of no to undecided
    expect(cells.nth(1)).to_have_attribute("aria-checked", "mixed")
    expect(review.get_by_role("button", name=f"No to the other {shown - yes + 1}")).to_be_visible()
    press(review, "Enter")
    expect(review.get_by_text(f"Red: {yes - 2} yes, 1 no")).to_be_visible()
    press(review, "h")
    dialog = review.get_by_role("dialog")
    expect(dialog.get_by_text(f"{yes - 1} pictures: {yes - 2} yes, 1 no")).to_be_visible()
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_role("button", name="Redo")).to_be_visible()


def test_shift_and_enter_reject_what_stays_undecided_in_the_grid(review: Page) -> None:
    review.goto(review.url.split("?")[0] + "?mode=grid&ask=colour.red&profile=general")
    cells = review.locator("[role=checkbox]")
    expect(cells.first).to_be_focused()
    shown = cells.count()
    press(review, "x")
    expect(review.get_by_role("button", name="Confirm", exact=False).first).to_be_disabled()
    cells.first.click()
    expect(review.get_by_role("button", name="Confirm: 1 Red")).to_be_visible()
    press(review, "Shift+Enter")
    expect(review.get_by_text(f"Red: 1 yes, {shown - 1} no")).to_be_visible()
    press(review, "z")
    expect(review.locator("[role=checkbox]")).to_have_count(shown)


def test_the_selection_survives_a_reload_and_a_picture_opens_in_focus_mode(review: Page) -> None:
    review.goto(review.url.split("?")[0] + "?mode=grid&ask=colour.red&profile=general")
    cells = review.locator("[role=checkbox]")
    expect(cells.first).to_be_focused()
    press(review, " ")
    expect(cells.first).to_have_attribute("aria-checked", "false")
    idle(review)
    review.reload()
    expect(cells.first).to_have_attribute("aria-checked", "false")
    name = cells.first.get_attribute("aria-label") or ""
    cells.first.focus()
    press(review, "f")
    assert name
    expect(review.locator(".tl-open img")).to_be_visible()


def test_a_group_is_decided_with_one_key(review: Page) -> None:
    press(review, "m")
    idle(review)
    press(review, "m")
    expect(review.get_by_text("One key decides 4 pictures.")).to_be_visible()
    press(review, "1")
    expect(review.locator("[class*='st-key-group_'] [data-testid='stBaseButton-primary']:visible")).to_have_count(1)
    press(review, "d")
    expect(review.get_by_text("4 done · 3 waiting")).to_be_visible()
    press(review, "z")
    expect(review.get_by_text("0 done · 7 waiting")).to_be_visible()


def test_the_original_is_served_only_at_its_signed_url(review: Page) -> None:
    address = review.locator("a[href*='pictures/original']:visible").first.get_attribute("href") or ""
    base = review.url.split("/review")[0]
    got = review.request.get(f"{base}/{address}")
    assert (got.status, got.headers["content-type"]) == (200, "image/jpeg")
    assert "sandbox" in got.headers["content-security-policy"]
    assert review.request.get(f"{base}/{address.split('?')[0]}").status == 403
    assert review.request.get(f"{base}/{address[:-1]}0").status in (200, 403)
    assert review.request.get(f"{base}/{address[:-6]}000000").status == 403


def test_dialogs_close_when_their_act_is_done(review: Page) -> None:
    review.goto(review.url.split("?")[0] + "?mode=groups&profile=general")
    review.locator("html[data-tagloop=keys] .tl-finder input").wait_for()
    press(review, "/")
    review.keyboard.type("glimmer", delay=30)
    review.get_by_role("option", name="Propose “glimmer” as a new tag").click()
    dialog = review.get_by_role("dialog")
    dialog.get_by_role("button", name="Propose").click()
    expect(dialog).to_have_count(0)
    expect(review.get_by_role("button", name="glimmer")).to_be_visible()
    review.get_by_role("button", name="Edit tags").click()
    dialog.get_by_text("On all of 4 pictures: glimmer").wait_for()
    dialog.get_by_label("Remove").click()
    review.keyboard.press("Enter")
    review.keyboard.press("Escape")
    dialog.get_by_role("button", name="Change 4 pictures").click()
    expect(dialog).to_have_count(0)
    expect(review.get_by_text("Removed glimmer on 4 pictures.")).to_be_visible()
