from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths
from console.search import export_dialog
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.publishing.exports.exporter import Format
from tests.conftest import BLUE, GREEN, RED, ingest, wait_for

Open = Callable[..., AppTest]


@pytest.fixture
def drawn(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> dict[str, list]:
    """The arguments that the gallery was called with, after three pictures were indexed."""
    ingest(console, ann, RED, GREEN, BLUE)
    console.review.decide(ann, Decision(Kind.ADD, 3, "garment.dress", profile="e-commerce"))
    wait_for(lambda: console.resources.index.feeder.pending() == 0)
    seen: dict[str, list] = {"shown": [], "selected": []}

    def draw(page: str, shown: list, *_: object, **__: object) -> None:
        seen["shown"] = [(asset.id, caption) for asset, caption in shown]

    monkeypatch.setattr(gallery, "draw", draw)
    monkeypatch.setattr(gallery, "selection", lambda page, usual: seen["selected"])
    return seen


def press(at: AppTest, label: str) -> AppTest:
    button = next(b for b in at.button if b.label.startswith(label))
    return button.click().run()


def test_search_shows_pictures_with_their_probability(drawn: dict, open_page: Open) -> None:
    at = open_page(page_paths.SEARCH, q="dresses")
    assert drawn["shown"][0] == (3, "100%")
    assert at.text_input(key="search_text").value == "dresses"
    at.text_input(key="search_text").set_value("").run()
    assert [asset_id for asset_id, _ in drawn["shown"]] == [3, 2, 1]


def test_unlikely_pictures_are_named_instead_and_said_to_be_the_closest(drawn: dict, open_page: Open) -> None:
    at = open_page(page_paths.SEARCH, like="1")
    assert sorted(drawn["shown"]) == [(2, "1.jpg"), (3, "2.jpg")]
    assert at.info[0].value == "No picture is a likely match. These come closest, best first."
    at = open_page(page_paths.SEARCH, q="dresses")
    assert not at.info


def test_filters_come_from_the_url_and_can_be_cleared(drawn: dict, open_page: Open) -> None:
    at = open_page(page_paths.SEARCH, state="done")
    assert drawn["shown"] == []
    assert at.info[0].value == "No picture matches these filters."
    press(at, "Clear all")
    assert len(drawn["shown"]) == 3


def test_invalid_url_parameters_are_ignored_or_reported(drawn: dict, open_page: Open) -> None:
    at = open_page(page_paths.SEARCH, state="lost", tag="lost", batch="x", like="9a", since="yesterday")
    assert not at.error
    assert len(drawn["shown"]) == 3
    at = open_page(page_paths.SEARCH, like="99")
    assert "no picture 99" in at.error[0].value


def test_more_like_the_selected_pictures(drawn: dict, open_page: Open) -> None:
    drawn["selected"] = [1]
    at = open_page(page_paths.SEARCH)
    press(at, "More like")
    assert 1 not in [asset_id for asset_id, _ in drawn["shown"]]
    assert at.query_params["like"] in ("1", ["1"])
    press(at, "Clear examples")
    assert len(drawn["shown"]) == 3


def test_words_the_model_does_not_understand_are_reported(drawn: dict, open_page: Open) -> None:
    at = open_page(page_paths.SEARCH, q="红色裙摆飞")
    assert any("does not understand" in info.value for info in at.info)


def test_a_batch_can_be_made_from_the_selection(drawn: dict, open_page: Open, console: Tagloop) -> None:
    drawn["selected"] = [1, 2]
    at = open_page(page_paths.SEARCH, q="")
    press(at, "Make a batch of 2")
    assert "batch of 2 pictures" in at.success[0].value
    assert console.ingest.batch(2).total == 2


def test_export_previews_what_will_be_written(
    drawn: dict, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[list] = []
    monkeypatch.setattr(export_dialog.st, "dataframe", lambda rows, **_: frames.append(rows))
    press(open_page(page_paths.SEARCH), "Export")
    assert [row["id"] for row in frames[-1]] == [3, 2, 1]
    assert frames[-1][0]["tag_ids"] == "garment.dress"


@pytest.mark.parametrize("installed", [True, False])
def test_export_explains_how_to_get_tags_inside_pictures(
    drawn: dict, open_page: Open, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "pyexiv2", None)
    at = open_page(page_paths.SEARCH)
    at.session_state["export_form"] = Format.PICTURES
    press(at, "Export")
    shown = [caption.value for caption in at.caption]
    assert any("requirements-embed.txt" in text for text in shown) is not installed
    assert any("XMP and IPTC inside" in text for text in shown) is installed


def test_an_empty_archive_is_reported(console: Tagloop, open_page: Open) -> None:
    wait_for(lambda: console.worker is not None and console.worker.chroma != "opening")
    for words in ("", "red dress"):
        at = open_page(page_paths.SEARCH, q=words)
        assert at.info[0].value == "There are no pictures yet."
