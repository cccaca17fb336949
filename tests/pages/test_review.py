from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import streamlit as st
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from console import page_paths
from console.review import actions, components
from tagging_core import Tagloop, User
from tagging_core.assets import repository as asset_module
from tagging_core.review import decisions, queue
from tagging_core.storage.schema import events
from tests.conftest import BLUE, GREEN, RED, ingest

PAGE = page_paths.REVIEW


@pytest.fixture
def assets(console: Tagloop, ann: User) -> list[int]:
    return ingest(console, ann, RED, BLUE, GREEN)


def kinds(console: Tagloop) -> list[tuple[str, str | None]]:
    with console.database.read() as connection:
        query = select(events.c.kind, events.c.tag_id).where(events.c.asset_id.is_not(None)).order_by(events.c.id)
        return [(row.kind, row.tag_id) for row in connection.execute(query)]


def first_suggestion(at: AppTest) -> str:
    return next(b.key for b in at.button if b.key and b.key.startswith("accept_")).removeprefix("accept_")


def press(at: AppTest, shortcut: str) -> None:
    next(b for b in at.button if b.proto.shortcut.lower() == shortcut.lower()).click().run()
    assert not at.exception


def pick(at: AppTest, monkeypatch: pytest.MonkeyPatch, tag_id: str = "", text: str = "") -> None:
    """Stand in for the tag search field, which AppTest cannot type into; a browser test covers it."""
    monkeypatch.setattr(components, "picked", lambda: {"id": tag_id, "text": text})
    monkeypatch.setattr(st, "rerun", lambda key: None)
    monkeypatch.setattr(actions, "open_dialog", lambda name: actions.pick())
    at.run()
    at.button(key="review_info").click().run()  # any button that opens a dialog
    assert not at.exception


def test_with_nothing_to_review_the_page_points_to_upload(open_page: Callable[..., AppTest]) -> None:
    at = open_page(PAGE)
    assert "Upload some" in at.info[0].value


def test_accept_reject_and_done_are_recorded(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]
) -> None:
    at = open_page(PAGE)
    first = at.session_state["review_asset"]
    accepted = first_suggestion(at)
    press(at, "1")
    assert first_suggestion(at) == accepted  # a suggestion keeps its position and its key
    rejected = next(b.key for b in at.button if b.proto.shortcut == "2").removeprefix("accept_")
    at.button(key=f"reject_{rejected}").click().run()
    press(at, "D")
    assert kinds(console) == [("accept", accepted), ("reject", rejected), ("done", None)]
    assert at.session_state["review_asset"] in set(assets) - {first}
    with console.database.read() as connection:
        assert queue.progress(connection).done == 1


def test_keys_accept_reject_skip_and_undo(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]
) -> None:
    at = open_page(PAGE)
    first = at.session_state["review_asset"]
    press(at, "A")
    press(at, "X")
    press(at, "S")
    assert [kind for kind, _ in kinds(console)] == ["accept", "reject", "skip"]
    press(at, "Z")
    assert at.session_state["review_asset"] == first
    press(at, "Z")
    press(at, "Z")
    with console.database.read() as connection:
        assert decisions.labels_of(connection, first) == {}
        assert queue.progress(connection).waiting == 3


def test_any_tag_is_added_by_typing(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page(PAGE)
    pick(at, monkeypatch, text="ilsand")
    assert kinds(console) == [("add", "travel.island")]
    assert any(b.key == "decided_travel.island" for b in at.button)
    at.button(key="decided_travel.island").click().run()
    assert kinds(console)[-1] == ("undo", "travel.island")


def test_replace_is_one_event(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page(PAGE)
    wrong = first_suggestion(at)
    at.button(key=f"replace_{wrong}").click().run()
    pick(at, monkeypatch, "travel.island")
    with console.database.read() as connection:
        row = connection.execute(select(events).where(events.c.kind == "replace")).one()
        found = decisions.labels_of(connection, at.session_state["review_asset"])
    assert (row.kind, row.tag_id, row.other_tag_id) == ("replace", wrong, "travel.island")
    assert {tag: label.value for tag, label in found.items()} == {wrong: 0, "travel.island": 1}


def test_next_and_back_record_no_decision(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]
) -> None:
    at = open_page(PAGE)
    first = at.session_state["review_asset"]
    press(at, "Right")
    assert at.session_state["review_asset"] in set(assets) - {first}
    press(at, "Left")
    assert at.session_state["review_asset"] == first
    assert kinds(console) == []


def test_an_empty_queue_is_reported_and_undo_still_works(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]
) -> None:
    at = open_page(PAGE)
    for _ in assets:
        last = at.session_state["review_asset"]
        press(at, "D")
    assert "All done" in at.success[0].value
    press(at, "Z")
    assert at.session_state["review_asset"] == last


def test_the_url_selects_the_batch(open_page: Callable[..., AppTest], console: Tagloop, ann: User) -> None:
    ingest(console, ann, RED)
    second = ingest(console, ann, (9, 9, 9), (90, 90, 9), profile="news")
    at = open_page(batch="2")
    at.switch_page(PAGE)
    at.query_params["batch"] = "2"
    at.run()
    assert at.session_state["review_batch"] == 2
    assert at.session_state["review_profile"] == "news"
    assert at.session_state["review_asset"] in second


def test_no_two_buttons_share_a_key(open_page: Callable[..., AppTest], assets: list[int]) -> None:
    at = open_page(PAGE)
    keys = Counter(b.proto.shortcut for b in at.button if b.proto.shortcut)
    assert len(keys) > 8
    assert max(keys.values()) == 1


def test_text_is_saved(open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]) -> None:
    at = open_page(PAGE)
    asset_id = at.session_state["review_asset"]
    at.text_input(key=f"review_title_{asset_id}").set_value("A red square")
    next(b for b in at.button if b.label == "Save text").click().run()
    with console.database.read() as connection:
        assert asset_module.get(connection, asset_id).text.title == "A red square"


def test_tag_names_can_be_shown_in_chinese(open_page: Callable[..., AppTest], assets: list[int]) -> None:
    at = open_page(PAGE)
    at.segmented_control(key="language").set_value("zh").run()
    assert any(colour in b.label for b in at.button for colour in "红蓝绿")


def test_why_shows_the_decided_pictures_behind_a_tag(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]
) -> None:
    at = open_page(PAGE)
    tag = first_suggestion(at)
    at.button(key=f"why_{tag}").click().run()
    assert any("nobody decided" in c.value for c in at.caption)
    press(at, "1")
    press(at, "D")
    assert not any("nobody decided" in c.value for c in at.caption)
    next(b for b in at.button if b.key and b.key.startswith("why_")).click().run()
    assert not at.exception
    assert any("above 0 is for it" in c.value for c in at.caption)


def test_a_likely_tag_of_an_exclusive_category_is_added_with_one_click(
    open_page: Callable[..., AppTest], console: Tagloop, assets: list[int]
) -> None:
    at = open_page(PAGE)
    at.selectbox(key="review_profile").set_value("e-commerce").run()
    choices = [b for b in at.button if b.key and b.key.startswith("choice_garment.")]
    assert len(choices) == 3
    suggested = {b.key.removeprefix("accept_") for b in at.button if b.key and b.key.startswith("accept_")}
    tag_id = next(t for b in choices if (t := str(b.key).removeprefix("choice_")) not in suggested)
    at.button(key=f"choice_{tag_id}").click().run()
    assert not at.exception
    assert kinds(console) == [("add", tag_id)]
    assert not [b for b in at.button if b.key and b.key.startswith("choice_garment.")]
