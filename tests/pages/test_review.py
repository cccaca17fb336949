"""Focus mode: what the surface is handed, and that its acts are written to the ledger, each once, in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.assets import repository as asset_module
from tagging_core.common.users import local_user
from tagging_core.review import decisions, queue
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import events
from tests.conftest import BLUE, GREEN, RED, ingest
from tests.pages.surface import Surface

Open = Callable[..., AppTest]


@pytest.fixture
def assets(console: Tagloop, ann: User) -> list[int]:
    return ingest(console, ann, RED, BLUE, GREEN)


@pytest.fixture
def surface(open_page: Open, assets: list[int]) -> Surface:
    return Surface(open_page(page_paths.REVIEW))


def kinds(console: Tagloop) -> list[tuple[str, str | None]]:
    with console.database.read() as connection:
        query = select(events.c.kind, events.c.tag_id).where(events.c.asset_id.is_not(None)).order_by(events.c.id)
        return [(row.kind, row.tag_id) for row in connection.execute(query)]


def labels(console: Tagloop, asset: int | None) -> dict[str, int]:
    with console.database.read() as connection:
        return {t: label.value for t, label in decisions.labels_of(connection, asset or 0).items()}


def waiting(console: Tagloop) -> int:
    with console.database.read() as connection:
        return queue.progress(connection).waiting


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


def test_acts_of_one_message_are_written_in_order(surface: Surface, console: Tagloop, assets: list[int]) -> None:
    first, second = surface.chips[:2]
    here = surface.asset
    acts = [surface.make("accept", tag=first), surface.make("reject", tag=second), surface.make("done")]
    assert set(surface.say(*acts, at=surface.data["deck"][1]).values()) == {""}
    assert kinds(console) == [("accept", first), ("reject", second), ("done", None)]
    assert surface.asset != here
    assert here not in surface.data["deck"]


def test_an_act_is_about_the_picture_it_names_whichever_is_in_focus(
    surface: Surface, console: Tagloop, assets: list[int]
) -> None:
    there = surface.data["deck"][1]
    surface.say(surface.make("accept", there, tag="colour.red"))
    assert labels(console, there) == {"colour.red": 1}
    assert labels(console, surface.asset) == {}


def test_a_message_that_arrives_twice_is_written_once_even_by_another_session(
    surface: Surface, open_page: Open, console: Tagloop
) -> None:
    here = surface.asset
    acts = [surface.make("accept", tag=surface.chips[0]), surface.make("clear", tag=surface.chips[0])]
    surface.say(*acts)
    surface.say(*acts)
    again = Surface(open_page(page_paths.REVIEW))
    assert set(again.say(*acts).values()) == {""}
    assert [kind for kind, _ in kinds(console)] == ["accept", "undo"]
    assert labels(console, here) == {}


def test_the_digits_of_tags_stay_while_others_are_decided(surface: Surface) -> None:
    before = surface.chips
    surface.act("accept", tag=before[0])
    assert surface.chips[: len(before)] == before
    surface.act("reject", tag=before[1])
    assert surface.chips[: len(before)] == before


def test_tags_of_a_category_stand_together_at_first_sight(surface: Surface) -> None:
    groups = [surface.data["tags"][tag]["group"] for tag in surface.chips]
    assert [g for n, g in enumerate(groups) if n == 0 or groups[n - 1] != g] == list(dict.fromkeys(groups))


def test_undo_names_the_act_that_it_undoes(surface: Surface, console: Tagloop) -> None:
    here = surface.asset
    accept = surface.make("accept", tag=surface.chips[0])
    done = surface.make("done")
    surface.say(accept, done, at=surface.data["deck"][1])
    undo = surface.make("undo", target=done["uid"]) | {"asset": here, "token": accept["token"]}
    surface.say(undo, at=here)
    assert waiting(console) == 3
    assert labels(console, here) == {accept["tag"]: 1}
    surface.say({**surface.make("undo", target=accept["uid"])})
    assert labels(console, here) == {}


def test_an_act_of_somebody_else_is_not_undone(surface: Surface, console: Tagloop, assets: list[int]) -> None:
    bob = local_user("Bob")
    console.review.assigner.release(local_user("Ann"), assets)
    theirs = Decision(Kind.ACCEPT, assets[0], "colour.red", profile="e-commerce")
    console.review.decide(bob, theirs)
    assert "Only your own" in surface.act("undo", target=theirs.uid)
    assert labels(console, assets[0]) == {"colour.red": 1}


def test_the_undo_key_asks_the_ledger_when_the_page_knows_no_act(
    surface: Surface, console: Tagloop, ann: User
) -> None:
    there = surface.data["deck"][2]
    console.review.decide(ann, Decision(Kind.DONE, there, profile="e-commerce"))
    surface.trigger("undo")
    assert waiting(console) == 3
    assert surface.asset == there


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


def test_typed_text_adds_the_tag_of_that_name_and_nothing_for_a_similar_one(
    surface: Surface, console: Tagloop
) -> None:
    assert surface.act("type", text="island") == ""
    assert kinds(console) == [("add", "travel.island")]
    assert "No tag is called “ilsand”" in surface.act("type", text="ilsand")
    assert len(kinds(console)) == 1


def test_typed_text_can_replace_a_tag_as_one_decision(surface: Surface, console: Tagloop) -> None:
    wrong = surface.chips[0]
    surface.act("type", text="Island", other=wrong)
    with console.database.read() as connection:
        row = connection.execute(select(events).where(events.c.kind == "replace")).one()
    assert (row.tag_id, row.other_tag_id) == (wrong, "travel.island")
    assert labels(console, surface.asset) == {wrong: 0, "travel.island": 1}


def test_typing_a_tag_of_an_exclusive_category_replaces_the_accepted_one(
    surface: Surface, console: Tagloop
) -> None:
    surface.act("type", text="Dress")
    surface.act("type", text="Shoes")
    assert labels(console, surface.asset) == {"garment.dress": 0, "garment.shoes": 1}


def test_a_new_tag_is_proposed_once_and_given_to_the_picture(surface: Surface, console: Tagloop) -> None:
    category = surface.data["categories"][0][0]
    act = surface.make("propose", text="Zeppelin", category=category)
    assert surface.say(act) == {act["uid"]: ""}
    surface.act("propose", text="zeppelin", category=category)
    named = [tag for tag in console.taxonomy().tags.values() if tag.name("en").casefold() == "zeppelin"]
    assert [tag.state for tag in named] == ["proposed"]
    assert labels(console, surface.asset) == {named[0].id: 1}
    assert surface.data["tags"][named[0].id]["name"] == "Zeppelin (proposed)"


def test_the_search_field_lists_matches_and_marks_similar_names(surface: Surface) -> None:
    hits = surface.search("islan")
    assert (hits[0]["tag"], hits[0]["typo"]) == ("travel.island", False)
    assert surface.search("snaekers")[0]["typo"]


def test_an_empty_search_field_lists_the_tags_used_last(surface: Surface) -> None:
    surface.act("type", text="island")
    surface.act("type", text="dress")
    assert [hit["tag"] for hit in surface.data["found"]["hits"]][:2] == ["garment.dress", "travel.island"]


def test_an_act_on_a_picture_that_somebody_took_over_is_refused_with_the_reason(
    surface: Surface, console: Tagloop
) -> None:
    here = surface.asset
    console.review.assigner.take(local_user("Bob"), here or 0, force=True)
    assert "Bob has had picture" in surface.act("accept", tag=surface.chips[0])
    assert labels(console, here) == {}
    assert surface.card()["held"] == "Bob"
    surface.act("take")
    assert surface.card()["held"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "explode"},
        {"asset": 0},
        {"asset": 2**70},
        {"seconds": float("inf")},
        {"token": "x"},
        {"tag": "no.tag"},
    ],
)
def test_an_act_that_makes_no_sense_is_refused_and_the_others_are_written(
    surface: Surface, console: Tagloop, wrong: dict[str, object]
) -> None:
    bad = surface.make("accept", tag=surface.chips[0]) | wrong
    good = surface.make("accept", tag=surface.chips[1])
    answers = surface.say(bad, good)
    assert answers[bad["uid"]]
    assert answers[good["uid"]] == ""
    assert kinds(console) == [("accept", surface.chips[1])]


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


def test_a_known_picture_cannot_be_recognized_and_keeps_its_look_over_a_restart(
    open_page: Open, console: Tagloop, ann: User, assets: list[int]
) -> None:
    console.review.rates = console.review.assigner._rates = SamplingRates(blind=0, second=0, known=1)
    bob = local_user("Bob")
    console.review.decide(bob, Decision(Kind.ADD, assets[0], "colour.red", profile="e-commerce"))
    console.review.decide(bob, Decision(Kind.DONE, assets[0], profile="e-commerce"))
    surface = Surface(open_page(page_paths.REVIEW))
    known = surface.card(assets[0])
    assert known["finished"] is None
    assert known["labels"] == {}
    assert known["notices"] == []
    act = surface.make("reject", assets[0], tag="colour.red")
    fresh = Surface(open_page(page_paths.REVIEW))  # knows nothing of what the first session was dealt
    assert fresh.say(act) == {act["uid"]: ""}
    assert labels(console, assets[0]) == {"colour.red": 1}
