"""The review page beyond one picture: filters in the URL, grid, groups, bulk accept, history, other users."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths
from console.review import shortcuts
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.learning.thresholds import Threshold, Thresholds
from tagging_core.review import queue
from tagging_core.review.sampling import SamplingRates
from tests.conftest import BLUE, GREEN, RED, ingest
from tests.pages.surface import Surface, labels

REDS = [(200 + n, 20 + n, 20) for n in range(5)]
Open = Callable[..., AppTest]


@pytest.fixture
def assets(console: Tagloop, ann: User) -> list[int]:
    return ingest(console, ann, *REDS, BLUE)


def open_review(open_page: Open, **query: str) -> AppTest:
    at = open_page(page_paths.REVIEW)
    at.query_params.clear()
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, shortcut: str) -> AppTest:
    next(b for b in at.button if b.proto.shortcut.lower() == shortcut.lower()).click().run()
    assert not at.exception
    return at


def progress(console: Tagloop) -> queue.QueueProgress:
    with console.database.read() as connection:
        return queue.progress(connection)


def test_filters_are_written_to_the_url_and_read_from_it(open_page: Open, assets: list[int]) -> None:
    at = open_review(open_page, mode="grid", order="newest", show="skipped", batch="1")
    assert (at.session_state["review_mode"], at.session_state["review_show"]) == ("grid", "skipped")
    at.selectbox(key="review_show").set_value("new").run()
    at.segmented_control(key="review_mode").set_value("focus").run()
    found = {name: value[0] if isinstance(value, list) else value for name, value in at.query_params.items()}
    assert found == {"order": "newest", "batch": "1", "profile": "e-commerce", "at": str(assets[-1])}
    assert at.session_state["review_asset"] == assets[-1]


@pytest.mark.parametrize(
    "query", [{"mode": "upside-down"}, {"order": "x"}, {"at": "999"}, {"batch": "77"}, {"ask": "x"}]
)
def test_a_wrong_url_is_reported_or_ignored(open_page: Open, assets: list[int], query: dict[str, str]) -> None:
    at = open_review(open_page, **query)
    assert at.session_state["review_asset"] in assets
    assert len(at.error) == (1 if query.keys() & {"at", "batch"} else 0)


def test_switching_modes_keeps_the_picture_and_the_filters(open_page: Open, assets: list[int]) -> None:
    at = open_review(open_page, order="batch")
    Surface(at).finish("pass")
    here = at.session_state["review_asset"]
    for _ in range(3):
        press(at, "M")
    assert at.session_state["review_mode"] == "focus"
    assert at.session_state["review_asset"] == here == assets[1]
    assert at.session_state["review_order"] == "batch"


@pytest.mark.parametrize("mode", shortcuts.MODES)
def test_no_two_buttons_share_a_key_in_any_mode(open_page: Open, assets: list[int], mode: str) -> None:
    at = open_review(open_page, mode=mode)
    found = Counter(b.proto.shortcut for b in at.button if b.proto.shortcut)
    assert found
    assert max(found.values()) == 1
    documented = {key.lower() for key in shortcuts.EVERYWHERE}
    if mode == "focus":  # the surface has its own keys
        assert set(found) == documented - {"?", "z"}
        return
    documented |= {key.lower() for key in shortcuts.MODES[mode]}
    assert {key for key in found if not key.isdigit()} == documented - {"1 ... 9", "?", "/", "arrows", "space", "f"}


def mark(monkeypatch: pytest.MonkeyPatch, yes: list[int], no: list[int]) -> None:
    monkeypatch.setattr(gallery, "marks", lambda page, usual: (yes, no))


def test_the_grid_decides_marked_pictures_as_one_group_and_leaves_the_others(
    open_page: Open, console: Tagloop, ann: User, assets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_review(open_page, mode="grid", ask="colour.red")
    assert set(assets[:5]) <= set(at.session_state["review_page"]["ids"])
    mark(monkeypatch, assets[:3], assets[3:4])
    at.run()
    assert any("Confirm: 3 Red, 1 not" in b.label for b in at.button)
    press(at, "Enter")
    assert [labels(console, a).get("colour.red") for a in assets[:5]] == [1, 1, 1, 0, None]
    assert len(console.review.recent_actions(ann)) == 1
    assert any("Red: 3 yes, 1 no" in m.value.replace("\\", "") for m in at.markdown)
    press(at, "H")
    assert any("Red on 4 pictures: 3 yes, 1 no" in m.value for m in at.markdown)
    press(at, "Z")
    assert all(labels(console, a) == {} for a in assets)
    assert at.session_state["review_confirmed"] == ""


def test_one_more_key_says_no_to_the_undecided_pictures_of_the_grid(
    open_page: Open, console: Tagloop, assets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_review(open_page, mode="grid", ask="colour.red")
    shown = at.session_state["review_page"]["ids"]
    mark(monkeypatch, assets[:3], [])
    at.run()
    assert any(b.label == f"No to the other {len(shown) - 3}" for b in at.button)
    press(at, "Shift+Enter")
    assert [labels(console, a)["colour.red"] for a in shown] == [int(a in assets[:3]) for a in shown]


def test_the_grid_asks_about_any_tag(open_page: Open, assets: list[int]) -> None:
    at = open_review(open_page, mode="grid")
    at.selectbox(key="review_subject").set_value("garment.skirt").run()
    assert not at.exception
    assert at.session_state["review_page"]["subject"] == "garment.skirt"
    assert {cell.tag_id for cell in at.session_state["review_page"]["cells"]} <= {"garment.skirt"}


@pytest.mark.parametrize("mode", ["grid", "groups"])
def test_tags_of_selected_pictures_are_edited_and_undone_at_once(
    open_page: Open, console: Tagloop, assets: list[int], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    at = open_review(open_page, mode=mode, **({"ask": "colour.red"} if mode == "grid" else {}))
    mark(monkeypatch, assets[:3], [])
    at.run()
    at.session_state["edit_tags_add"] = ["garment.dress"]
    next(b for b in at.button if b.label == "Edit tags").click().run()
    next(b for b in at.button if b.label == "Change 3 pictures").click().run()
    assert not at.exception
    assert [labels(console, a).get("garment.dress") for a in assets[:4]] == [1, 1, 1, None]
    assert any("Added Dress on 3 pictures" in m.value for m in at.markdown)
    at.button(key="edit_tags_undo").click().run()
    assert all(labels(console, a) == {} for a in assets)


def test_postponed_pictures_can_be_shown_again_after_all_were_seen(open_page: Open, assets: list[int]) -> None:
    at = open_review(open_page, mode="grid", ask="colour.red")
    press(at, "N")
    assert any("seen all" in i.value for i in at.info)
    next(b for b in at.button if b.label == "Show them again").click().run()
    assert at.session_state["review_page"]["cells"]


def test_a_group_is_tagged_and_finished_with_single_keys(
    open_page: Open, console: Tagloop, ann: User, assets: list[int]
) -> None:
    at = open_review(open_page, mode="groups")
    assert any("One key decides 5 pictures" in m.value for m in at.markdown)
    first = next(b.key for b in at.button if b.proto.shortcut == "1").removeprefix("group_")
    press(at, "1")
    assert all(labels(console, a)[first] for a in assets[:5])
    press(at, "1")
    assert all(labels(console, a) == {} for a in assets[:5])
    press(at, "1")
    press(at, "D")
    assert progress(console) == queue.QueueProgress(waiting=1, done=5, skipped=0)
    press(at, "Z")
    assert progress(console).waiting == 6
    assert all(labels(console, a) == {} for a in assets[:5])  # the act is undone whole


def test_bulk_accept_previews_its_effect_and_explains_what_it_excludes(
    open_page: Open, console: Tagloop, ann: User, assets: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    history = Thresholds(
        0.97, Threshold(None, reason="Not enough history."), {"colour.red": Threshold(0.3, 100, 99)}
    )
    monkeypatch.setattr(console.review, "thresholds", lambda profile, target: history)
    at = press(open_review(open_page), "B")
    assert list(at.data_editor[0].value["Tag"]) == ["Red"]
    assert any("Not enough history." in str(frame.value) for frame in at.dataframe)
    accept = next(b for b in at.button if b.label.startswith("Accept 5 tags on 5 pictures"))
    accept.click().run()
    list(console.bulk.accept_many(ann, at.session_state["review_accepting"], "e-commerce", target=0.97))
    assert all(labels(console, a) == {"colour.red": 1} for a in assets[:5])


def test_bulk_accept_is_disabled_without_enough_history(open_page: Open, assets: list[int]) -> None:
    at = press(open_review(open_page), "B")
    assert next(b for b in at.button if "Nothing can be accepted yet" in b.label).disabled


def test_a_flagged_picture_shows_its_note(open_page: Open, console: Tagloop, ann: User, assets: list[int]) -> None:
    console.review.decide(ann, Decision(Kind.FLAG, assets[0], profile="e-commerce", note="Is this crimson?"))
    at = open_review(open_page, show="flagged")
    assert at.session_state["review_asset"] == assets[0]
    surface = Surface(at)
    assert any("Is this crimson?" in notice for notice in surface.card()["notices"])
    surface.open("details")
    assert any("Flagged: Is this crimson?" in m.value for m in at.markdown)


def test_my_decisions_are_listed_and_can_be_undone(
    open_page: Open, console: Tagloop, ann: User, assets: list[int]
) -> None:
    at = open_review(open_page)
    surface = Surface(at)
    surface.act("accept", tag=surface.chips[0])
    press(at, "H")
    undo = next(b for b in at.button if b.key and b.key.startswith("act_"))
    assert undo.label == "Undo"
    undo.click().run()
    assert labels(console, at.session_state["review_asset"]) == {}


def test_when_everything_is_open_elsewhere_the_page_says_with_whom(
    open_page: Open, console: Tagloop, assets: list[int]
) -> None:
    console.review.assigner.take_many(local_user("Bob"), assets)
    at = open_review(open_page)
    assert any("open elsewhere: Bob (6)" in i.value for i in at.info)


def test_second_opinions_have_their_own_view(open_page: Open, console: Tagloop, assets: list[int]) -> None:
    console.review.rates = SamplingRates(blind=0, second=1)
    bob = local_user("Bob")
    console.review.decide(bob, Decision(Kind.ADD, assets[0], "colour.red", profile="e-commerce"))
    console.review.decide(bob, Decision(Kind.DONE, assets[0], profile="e-commerce"))
    at = open_review(open_page, show="second")
    surface = Surface(at)
    assert any("Second opinion" in notice for notice in surface.card()["notices"])
    assert surface.asset == assets[0]
    surface.act("done")
    assert progress(console).flagged == 1  # Ann did not add red


def test_an_empty_grid_is_explained(open_page: Open, console: Tagloop, ann: User) -> None:
    assert any("no pictures yet" in i.value for i in open_review(open_page, mode="grid").info)
    (asset,) = ingest(console, ann, GREEN, profile="general")
    assert open_review(open_page, mode="groups").success
    console.review.decide(ann, Decision(Kind.DONE, asset))
    assert any("All done" in s.value for s in open_review(open_page, mode="grid").success)
    assert RED != GREEN


def test_opening_a_picture_by_url_still_gives_a_second_opinion(
    open_page: Open, console: Tagloop, assets: list[int]
) -> None:
    console.review.rates = SamplingRates(blind=0, second=1)
    bob = local_user("Bob")
    console.review.decide(bob, Decision(Kind.ADD, assets[0], "colour.red", profile="e-commerce"))
    console.review.decide(bob, Decision(Kind.DONE, assets[0], profile="e-commerce"))
    at = open_review(open_page, at=str(assets[0]))
    surface = Surface(at)
    surface.act("reject", tag="colour.red")
    surface.act("done")
    assert labels(console, assets[0]) == {"colour.red": 1}
    assert progress(console).flagged == 1
