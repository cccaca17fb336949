"""Reviewing with poor sight or a screen reader: axe-core finds no violation of WCAG 2.2 AA."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[1] / "surface/node_modules/axe-core/axe.min.js"
OWN = {"exclude": [["[data-testid=stSidebarNav]"]]}  # Streamlit's list, which has other elements among its items
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
WAIT_FOR = {"focus": ".tl-chip", "grid": ".gallery .cell", "groups": ".gallery .cell"}


@pytest.fixture
def axe() -> str:
    if not AXE.exists():
        if os.environ.get("TAGLOOP_REQUIRE_BROWSER"):
            pytest.fail("axe-core is missing, and TAGLOOP_REQUIRE_BROWSER is set.")
        pytest.skip("axe-core is not installed (`npm ci --prefix tests/surface`)")
    return AXE.read_text("utf-8")


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("([own, rules]) => axe.run(own, rules)", [OWN, RULES])
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_reviewing_violates_no_rule(review: Page, axe: str, theme: Any) -> None:
    review.emulate_media(color_scheme=theme)
    found = {}
    for width, mode in ((1440, "focus"), (1440, "grid"), (1440, "groups"), (390, "focus"), (390, "grid")):
        review.set_viewport_size({"width": width, "height": 900})
        review.goto(review.url.split("?")[0] + f"?mode={mode}&profile=general")
        review.locator(WAIT_FOR[mode]).first.wait_for()
        found[f"{mode}, {width}"] = violations(review, axe)
    assert not any(found.values()), found


def test_a_dialog_of_the_surface_and_of_the_page_violate_no_rule(review: Page, axe: str) -> None:
    review.keyboard.press("f")
    review.locator("dialog[open]").wait_for()
    assert violations(review, axe) == []
    review.keyboard.press("Escape")
    review.keyboard.press("?")
    review.get_by_role("dialog").get_by_text("This help").wait_for()
    assert violations(review, axe) == []
