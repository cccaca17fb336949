"""A page opened with a parameter that makes no sense shows a calm message, or opens without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths
from tagging_core import Tagloop
from tests.conftest import RED, ingest

VALUES = [
    "x",
    "-1",
    "٣",
    "99",
    "99999999999999999999",
    "9" * 5000,
    "1,99999999999999999999",
    "9999999999999999999-1",
]
DAYS = ["0001-01-01", "2026-13-45"]
NUMBERS = {
    page_paths.SEARCH: ["like", "unlike", "batch", "state", "profile", "category", "tag"],
    page_paths.PICTURES: ["batch", "bins", "what", "tag", "profile"],
}


@pytest.mark.parametrize("page", list(NUMBERS), ids=["search", "pictures"])
def test_no_parameter_causes_an_unexpected_error(
    console: Tagloop, ann: object, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr(gallery, "draw", lambda *_, **__: None)
    ingest(console, ann, RED)  # type: ignore[arg-type]
    for value in VALUES:
        open_page(page, **dict.fromkeys(NUMBERS[page], value))  # checks that there is no exception
    first, last = ("since", "until") if page == page_paths.SEARCH else ("from", "to")
    for day in DAYS:
        open_page(page, **{first: day, last: "9999-12-31"})


def test_an_impossible_batch_is_ignored_by_search(console: Tagloop, open_page: Callable[..., AppTest]) -> None:
    at = open_page(page_paths.SEARCH, batch="99999999999999999999")
    assert not at.error
    assert at.session_state["search_filter_batch"] == ""
