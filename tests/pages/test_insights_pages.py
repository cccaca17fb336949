from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

import pages
from tagging_core import Decision, Kind, Tagloop, User
from tests.conftest import BLUE, RED, ingest


@pytest.mark.parametrize("page", [pages.TRENDS, pages.ACCURACY])
def test_without_decisions_it_says_what_to_do(open_page: Callable[..., AppTest], page: str) -> None:
    at = open_page(page)
    assert "with the first" in at.info[0].value
    assert not at.get("plotly_chart")


def test_trends_show_what_was_tagged(open_page: Callable[..., AppTest], console: Tagloop, ann: User) -> None:
    first, second = ingest(console, ann, RED, BLUE)
    for asset_id in (first, second):
        console.decide(ann, Decision(Kind.ACCEPT, asset_id, "garment.dress", profile="e-commerce"))
    at = open_page(pages.TRENDS)
    assert {m.label: m.value for m in at.metric} == {
        "Pictures uploaded": "2",
        "Reviewed": "0",
        "Tags given": "2",
        "Waiting for review": "2",
    }
    assert len(at.get("plotly_chart")) == 3


def test_accuracy_shows_what_became_of_suggestions(
    open_page: Callable[..., AppTest], console: Tagloop, ann: User
) -> None:
    first, second = ingest(console, ann, RED, BLUE)
    console.decide(ann, Decision(Kind.ACCEPT, first, "garment.dress", profile="e-commerce"))
    console.decide(ann, Decision(Kind.REJECT, second, "garment.dress", profile="e-commerce"))
    console.decide(ann, Decision(Kind.ADD, second, "garment.hat", profile="e-commerce"))
    at = open_page(pages.ACCURACY)
    figures = {m.label: m.value for m in at.metric}
    assert figures["Suggestions that were right"] == "50%"
    assert (figures["Accepted"], figures["Rejected"], figures["Added by hand"]) == ("1", "1", "1")
    table = at.dataframe[0].value.set_index("Tag")
    assert table.loc["Dress", "Right"] == 0.5
    assert table.loc["Dress", "95 % interval"] == "9% to 91%"
    assert len(at.get("plotly_chart")) == 2
