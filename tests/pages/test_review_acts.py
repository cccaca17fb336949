"""Acts of the surface are written to the ledger, each once, in order, on the picture that they name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import events
from tests.pages.surface import Surface, kinds, labels, waiting

Open = Callable[..., AppTest]


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
