"""Focus mode: what the surface is handed."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Tagloop, User
from tagging_core.assets import repository as asset_module
from tagging_core.common.users import local_user
from tagging_core.review import queue
from tagging_core.review.sampling import SamplingRates
from tests.conftest import RED, ingest
from tests.pages.surface import Surface, kinds, labels, waiting

Open = Callable[..., AppTest]


def test_with_nothing_to_review_the_page_points_to_upload(open_page: Open) -> None:
    at = open_page(page_paths.REVIEW)
    assert "Upload some" in at.info[0].value
    assert Surface(at).data["hidden"]


def test_the_deck_holds_the_pictures_that_come_next_ready_to_draw(surface: Surface, assets: list[int]) -> None:
    assert sorted(surface.data["deck"]) == assets
    assert surface.asset == surface.data["deck"][0]
    for card in surface.data["cards"]:
        assert card["screen"].startswith("pictures/screen/")
        assert card["chips"]
        assert {chip["tag"] for chip in card["chips"]} <= surface.data["tags"].keys()


def test_the_digits_of_tags_stay_while_others_are_decided(surface: Surface) -> None:
    before = surface.chips
    surface.act("accept", tag=before[0])
    assert surface.chips[: len(before)] == before
    surface.act("reject", tag=before[1])
    assert surface.chips[: len(before)] == before


def test_tags_of_a_category_stand_together_at_first_sight(surface: Surface) -> None:
    groups = [surface.data["tags"][tag]["group"] for tag in surface.chips]
    assert [g for n, g in enumerate(groups) if n == 0 or groups[n - 1] != g] == list(dict.fromkeys(groups))


def test_a_finished_picture_says_who_finished_it_and_can_be_reopened(
    surface: Surface, open_page: Open, console: Tagloop
) -> None:
    here = surface.asset
    surface.finish()
    at = open_page(page_paths.REVIEW)
    at.query_params["at"] = str(here)
    at.run()
    back = Surface(at)
    finished = back.card()["finished"]
    assert (finished["kind"], finished["by"], finished["own"]) == ("done", "Ann", True)
    assert back.act("reopen") == ""
    assert back.card()["finished"] is None
    assert waiting(console) == 3


def test_a_picture_that_was_passed_over_comes_again_after_the_others(
    surface: Surface, console: Tagloop, assets: list[int]
) -> None:
    first = surface.asset
    surface.finish("pass")
    assert surface.data["deck"][-1] == first
    assert sorted(surface.data["deck"]) == assets
    assert kinds(console) == []


def test_the_search_field_lists_matches_and_marks_similar_names(surface: Surface) -> None:
    hits = surface.search("islan")
    assert (list(hits[0]["tags"]), hits[0]["typo"]) == (["travel.island"], False)
    assert surface.search("snaekers")[0]["typo"]


def test_an_empty_search_field_lists_the_tags_used_last(surface: Surface) -> None:
    surface.act("type", text="island")
    surface.act("type", text="dress")
    assert surface.data["found"] is None  # nobody is in the field
    assert [[*hit["tags"]] for hit in surface.search("")][:2] == [["garment.dress"], ["travel.island"]]


def test_pictures_ahead_are_leased_and_given_back(
    surface: Surface, console: Tagloop, ann: User, assets: list[int]
) -> None:
    bob = local_user("Bob")
    view = queue.View("e-commerce")
    assert console.review.assigner.deal(bob, view, count=3) == []
    surface.at.selectbox(key="review_show").set_value("skipped").run()
    assert len(console.review.assigner.deal(bob, view, count=3)) == 3


def test_a_queue_that_is_done_is_reported_and_undo_still_works(
    surface: Surface, console: Tagloop, assets: list[int]
) -> None:
    for _ in assets:
        last = surface.asset
        surface.finish()
    assert "All done" in surface.at.success[0].value
    assert surface.data["hidden"]
    surface.trigger("undo")
    assert surface.asset == last


def test_the_url_selects_the_batch(open_page: Open, console: Tagloop, ann: User) -> None:
    ingest(console, ann, RED)
    second = ingest(console, ann, (9, 9, 9), (90, 90, 9), profile="news")
    at = open_page(batch="2")
    at.switch_page(page_paths.REVIEW)
    at.query_params["batch"] = "2"
    at.run()
    assert at.session_state["review_batch"] == 2
    assert at.session_state["review_profile"] == "news"
    assert Surface(at).asset in second


def test_text_is_saved(surface: Surface, console: Tagloop) -> None:
    here = surface.asset or 0
    surface.open("details")
    surface.at.text_input(key=f"review_title_{here}").set_value("A red square")
    next(b for b in surface.at.button if b.label == "Save text").click().run()
    with console.database.read() as connection:
        assert asset_module.get(connection, here).text.title == "A red square"


def test_tag_names_can_be_shown_in_chinese(surface: Surface) -> None:
    surface.at.segmented_control(key="language").set_value("zh").run()
    names = "".join(surface.data["tags"][tag]["name"] for tag in surface.chips)
    assert any(colour in names for colour in "红蓝绿")


def test_why_shows_the_decided_pictures_behind_a_tag(surface: Surface) -> None:
    tag = surface.chips[0]
    surface.open("why", tag)
    assert any("nobody decided" in c.value for c in surface.at.caption)
    surface.act("accept", tag=tag)
    surface.finish()
    surface.open("why", tag)
    assert any("above 0 is for it" in c.value for c in surface.at.caption)
    assert any(m.value in ("**Looks like these**", "**Unlike these**") for m in surface.at.markdown)


def test_likely_tags_of_an_open_exclusive_category_are_listed(surface: Surface, console: Tagloop) -> None:
    surface.at.selectbox(key="review_profile").set_value("e-commerce").run()
    choices = {choice["category"]: choice for choice in surface.card()["choices"]}
    assert len(choices["garment"]["tags"]) == 3
    tag_id = choices["garment"]["tags"][0][0]
    surface.act("add", tag=tag_id)
    assert labels(console, surface.asset) == {tag_id: 1}
    assert "garment" not in {choice["category"] for choice in surface.card()["choices"]}


def test_a_blind_picture_shows_no_suggestions(open_page: Open, console: Tagloop, assets: list[int]) -> None:
    console.review.rates = SamplingRates(blind=1)
    card = Surface(open_page(page_paths.REVIEW)).card()
    assert "Blind sample" in card["notices"][0]
    assert (card["chips"], card["choices"], card["empty"]) == ([], [], "")
