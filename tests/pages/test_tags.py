from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

import pages
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.people import Role
from tests.conftest import RED, ingest

PAGE = pages.TAGS


def test_tags_are_listed_with_counts_and_examples(
    open_page: Callable[..., AppTest], console: Tagloop, ann: User
) -> None:
    (asset_id,) = ingest(console, ann, RED)
    console.decide(ann, Decision(Kind.ACCEPT, asset_id, "scene.outdoor", profile="general"))
    at = open_page(PAGE)
    table = at.dataframe[0].value
    assert len(table) == len(console.taxonomy().tags)
    assert table.set_index("Tag").loc["Outdoor", "Pictures"] == 1
    assert at.subheader[0].value == "Outdoor"
    assert any(c.value == "Latest pictures with it" for c in at.caption)


def test_a_tag_is_found_and_edited(open_page: Callable[..., AppTest], console: Tagloop) -> None:
    at = open_page(PAGE)
    at.text_input(key="tags_find").set_value("连衣").run()
    assert at.subheader[0].value == "Dress"
    at.text_input(key="tag_garment.dress_en").set_value("Gown dress")
    next(b for b in at.button if b.label == "Save").click().run()
    assert console.taxonomy().tags["garment.dress"].name() == "Gown dress"


def test_a_name_that_is_taken_is_told_and_nothing_is_lost(
    open_page: Callable[..., AppTest], console: Tagloop
) -> None:
    at = open_page(PAGE)
    at.text_input(key="tags_find").set_value("dress").run()
    at.text_input(key="tag_garment.dress_en").set_value("Outdoor")
    next(b for b in at.button if b.label == "Save").click().run()
    assert "already a name of the tag 'Outdoor'" in at.error[0].value
    assert console.taxonomy().tags["garment.dress"].name() == "Dress"
    assert at.text_input(key="tag_garment.dress_en").value == "Outdoor"


def test_an_unknown_word_says_how_to_add_it(open_page: Callable[..., AppTest]) -> None:
    at = open_page(PAGE)
    at.text_input(key="tags_find").set_value("qqqqqq").run()
    assert "New tag" in at.info[0].value


def test_editors_look_but_do_not_edit(open_page: Callable[..., AppTest]) -> None:
    at = open_page(PAGE, user=User("ed", frozenset({Role.EDITOR})))
    assert not [b for b in at.button if b.label in ("New tag", "Save")]
    assert at.text_input(key="tag_scene.outdoor_en").disabled
