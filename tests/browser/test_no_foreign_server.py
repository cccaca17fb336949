"""The console asks no server but its own: a company's network may have no way out."""

from __future__ import annotations

from playwright.sync_api import Page


def test_no_page_asks_a_foreign_server(page: Page, console_url: str) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    for path in ("", "review", "search", "tags", "overview", "models"):
        page.goto(f"{console_url}/{path}")
        page.get_by_role("link", name="Upload").first.wait_for(state="attached")
        page.wait_for_timeout(500)
    assert {url for url in asked if not url.startswith((console_url, "data:", "blob:"))} == set()
