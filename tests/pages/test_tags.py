from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from console import gallery, page_paths
from console.tags import dialogs
from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Action, Role
from tagging_core.curation import plans
from tests.conftest import GREEN, RED, ingest
from tests.pages.conftest import plain

PAGE = page_paths.TAGS
OpenPage = Callable[..., AppTest]
EDITOR = User("ed", frozenset({Role.EDITOR}))


def button(at: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(b for b in at.button if b.label == label)


def test_tags_are_listed_with_their_figures(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(console, ann, RED)
    shown = {"probability": 0.5}
    console.review.decide(ann, Decision(Kind.ACCEPT, asset_id, "scene.outdoor", profile="general", payload=shown))
    at = open_page(PAGE)
    table = at.dataframe[0].value.set_index("Tag")
    assert len(table) == min(200, len(console.taxonomy().tags))
    assert table.loc["Outdoor", ["Pictures", "New", "Judged"]].tolist() == [1, 1, 1]
    assert table.loc["Outdoor", "Interval"] == "21% – 100%"


def test_a_tag_is_listed_below_its_parent(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    console.curation.apply(ann, plans.move(console.taxonomy(), "garment.hat", "garment", parent_id="garment.dress"))
    names = list(open_page(PAGE).dataframe[0].value["Tag"])
    assert names[names.index("Dress") + 1] == "\u2003Hat"


@pytest.mark.parametrize(
    ("order", "listed"),
    [("Most used", "Outdoor"), ("Growing", "Outdoor"), ("Not in use", "Hat"), ("Unused", "Indoor")],
)
def test_tags_are_listed_by_use(open_page: OpenPage, console: Tagloop, ann: User, order: str, listed: str) -> None:
    (asset_id,) = ingest(console, ann, RED)
    console.review.decide(ann, Decision(Kind.ADD, asset_id, "scene.outdoor"))
    console.curation.apply(ann, plans.set_state(console.taxonomy(), "garment.hat", "deprecated"))
    at = open_page(PAGE)
    at.segmented_control(key="tags_order").set_value(order).run()
    assert at.dataframe[0].value["Tag"][0].startswith(listed)


def test_a_tag_is_found_in_any_language(open_page: OpenPage) -> None:
    at = open_page(PAGE)
    at.text_input(key="tags_find").set_value("连衣").run()
    assert at.dataframe[0].value["Tag"][0] == "Dress"
    at.text_input(key="tags_find").set_value("qqqqqq").run()
    assert "New tag" in at.info[0].value


def test_a_url_opens_a_tag_even_by_a_merged_id(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    console.curation.apply(ann, plans.merge(console.taxonomy(), "garment.hat", "garment.dress"))
    at = open_page(PAGE, tag="garment.hat")
    assert at.title[0].value == "Dress"
    assert "was merged into this tag" in at.info[0].value
    assert not open_page(PAGE, tag="garment.nothing").exception


def test_a_tag_is_edited_and_the_change_undone(open_page: OpenPage, console: Tagloop) -> None:
    at = open_page(PAGE, tag="garment.dress")
    at.text_input(key="tag_garment.dress_en").set_value("Gown dress")
    button(at, "Save").click().run()
    assert console.taxonomy().tags["garment.dress"].name() == "Gown dress"
    button(at, "Undo").click().run()
    assert console.taxonomy().tags["garment.dress"].name() == "Dress"
    assert not [b for b in at.button if b.label == "Undo"]
    button(at, "Redo").click().run()
    assert console.taxonomy().tags["garment.dress"].name() == "Gown dress"


def test_a_new_tag_can_be_created_after_another_was_saved(
    open_page: OpenPage, console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page(PAGE, tag="garment.dress")
    at.text_input(key="tag_garment.dress_en").set_value("Gown dress")
    button(at, "Save").click().run()
    assert "tags_saved" not in at.session_state
    new_dialog = dialog(dialogs.new_tag, console, ann, monkeypatch)
    new_dialog.text_input(key="tag_new_en").set_value("Sari")
    button(new_dialog, "Save").click().run()
    assert new_dialog.query_params["tag"] in ("scene.sari", ["scene.sari"])


def test_a_duplicate_name_is_refused_and_the_input_is_kept(open_page: OpenPage, console: Tagloop) -> None:
    at = open_page(PAGE, tag="garment.dress")
    at.text_input(key="tag_garment.dress_en").set_value("Hat")
    button(at, "Save").click().run()
    assert "already a name of the tag 'Hat'" in at.error[0].value
    assert console.taxonomy().tags["garment.dress"].name() == "Dress"
    assert at.text_input(key="tag_garment.dress_en").value == "Hat"


def test_a_concurrent_change_is_not_overwritten(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    at = open_page(PAGE, tag="garment.dress")
    dress = console.taxonomy().tags["garment.dress"]
    console.curation.save(User("Bo", frozenset(Role)), replace(dress, definition="Theirs"))
    at.text_area(key="tag_garment.dress_definition").set_value("Mine")
    button(at, "Save").click().run()
    assert "was changed by Bo" in at.error[0].value
    assert console.taxonomy().tags["garment.dress"].definition == "Theirs"


def test_a_prompt_is_previewed_before_it_is_saved(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    ingest(console, ann, RED, GREEN)
    console.model.library.settle()
    at = open_page(PAGE, tag="colour.red")
    at.text_area(key="tag_colour.red_prompts").set_value("green")
    button(at, "Preview changes").click().run()
    summary = next(m.value for m in at.markdown if "would gain" in m.value)
    assert summary.startswith("Of 2 pictures")
    assert "**1 would gain**" in summary
    assert "**1 would lose**" in summary
    assert console.taxonomy().tags["colour.red"].prompts != ["green"]


def test_examples_are_removed_and_added(open_page: OpenPage, console: Tagloop, ann: User) -> None:
    first, second = ingest(console, ann, RED, RED)
    console.review.decide(ann, Decision(Kind.ADD, first, "colour.red"))
    console.model.library.settle()
    at = open_page(PAGE, tag="colour.red", tab="Pictures")
    at.toggle(key="likely_colour.red").set_value(True).run()
    at.button(key=f"add_colour.red_{second}").click().run()
    at.button(key=f"drop_colour.red_{first}").click().run()
    with console.database.read() as connection:
        from tagging_core.ledger import taxonomy_store

        assert taxonomy_store.examples(connection, "colour.red", 1) == [second]
        assert taxonomy_store.examples(connection, "colour.red", 0) == [first]


@pytest.mark.parametrize(("tab", "text"), [("Accuracy", "Accepting many at once"), ("Changes", "Renamed Dress")])
def test_accuracy_and_changes_have_a_tab_each(
    open_page: OpenPage, console: Tagloop, ann: User, tab: str, text: str
) -> None:
    (asset_id,) = ingest(console, ann, RED)
    shown = {"probability": 0.5}
    console.review.decide(
        ann, Decision(Kind.ACCEPT, asset_id, "garment.dress", profile="e-commerce", payload=shown)
    )
    console.curation.save(ann, replace(console.taxonomy().tags["garment.dress"], names={"en": "Gown"}))
    at = open_page(PAGE, tag="garment.dress", tab=tab)
    assert any(text in m.value for m in at.markdown)


def test_a_target_is_set_for_one_tag(open_page: OpenPage, console: Tagloop) -> None:
    at = open_page(PAGE, tag="garment.dress", tab="Accuracy")
    at.selectbox(key="target_garment.dress").set_value(0.99).run()
    button(at, "Save this target").click().run()
    assert console.taxonomy().tags["garment.dress"].target == 0.99


def test_a_tag_is_deprecated_and_reactivated(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for state in ("deprecated", "active"):
        at = dialog(partial(dialogs.set_state, "garment.hat", state), console, ann, monkeypatch)
        at.button(key="state_do").click().run()
        assert console.taxonomy().tags["garment.hat"].state == state


def test_a_rename_is_previewed_as_a_cms_would_see_it(open_page: OpenPage, console: Tagloop) -> None:
    at = open_page(PAGE, tag="garment.hat")
    at.text_input(key="tag_garment.hat_en").set_value("Headgear")
    button(at, "Preview changes").click().run()
    assert any("will read 'Headgear' instead of 'Hat'" in m.value for m in at.markdown)
    assert console.taxonomy().tags["garment.hat"].name() == "Hat"


def test_a_merge_is_previewed_and_applied(
    open_page: OpenPage, console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asset_id,) = ingest(console, ann, RED)
    console.review.decide(ann, Decision(Kind.ADD, asset_id, "garment.hat"))
    at = dialog(lambda: dialogs.merge("garment.hat", "garment.dress"), console, ann, monkeypatch)
    text = plain(" ".join(m.value for m in at.markdown))
    assert "1 picture will show other tags" in text
    assert "asks for 'garment.hat' gets 'garment.dress'" in text
    at.button(key="merge_do").click().run()
    assert console.taxonomy().tag("garment.hat").id == "garment.dress"


def test_a_merge_into_a_descendant_is_refused(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    console.curation.apply(ann, plans.move(console.taxonomy(), "garment.hat", "garment", parent_id="garment.dress"))
    at = dialog(lambda: dialogs.merge("garment.dress", "garment.hat"), console, ann, monkeypatch)
    assert "into its descendant" in at.error[0].value


def test_a_split_moves_the_chosen_pictures(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ingest(console, ann, RED, GREEN)
    for asset_id in (first, second):
        console.review.decide(ann, Decision(Kind.ADD, asset_id, "garment.hat"))
    monkeypatch.setattr(gallery, "draw", lambda *_, **__: None)
    at = dialog(lambda: dialogs.split("garment.hat", [second]), console, ann, monkeypatch)
    at.text_input(key="split_en").set_value("Beret").run()
    at.button(key="split_do").click().run()
    with console.database.read() as connection:
        from tagging_core.ledger import taxonomy_store

        assert taxonomy_store.examples(connection, "garment.hat") == [first]
        assert taxonomy_store.examples(connection, "garment.beret") == [second]


def test_a_category_is_created(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    at = dialog(dialogs.edit_category, console, ann, monkeypatch)
    at.text_input(key="category_en").set_value("Season look").run()
    at.button(key="category_do").click().run()
    assert "season-look" in console.taxonomy().categories


def test_editors_can_view_but_not_edit(open_page: OpenPage) -> None:
    assert not [b for b in open_page(PAGE, user=EDITOR).button if b.label in ("New tag", "New category")]
    at = open_page(PAGE, user=EDITOR, tag="scene.outdoor")
    assert not [b for b in at.button if b.label in ("Save", "Merge …", "Delete …")]
    assert at.text_input(key="tag_scene.outdoor_en").disabled


def dialog(draw: Callable[[], None], console: Tagloop, user: User, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Run a dialog's body as a page: AppTest does not open dialogs from their buttons."""
    import streamlit as st

    from console import session

    monkeypatch.setattr(session, "current_user", lambda: user)
    monkeypatch.setitem(_OPEN, "draw", draw)
    monkeypatch.setattr(st, "rerun", lambda *_, **__: None)
    at = AppTest.from_function(_draw_open, default_timeout=30)
    at.session_state["user"], at.session_state["guarded"] = user, Action.REVIEW
    return at.run()


_OPEN: dict[str, Callable[[], None]] = {}


def _draw_open() -> None:
    from tests.pages import test_tags

    inner = test_tags._OPEN["draw"]
    inner()
