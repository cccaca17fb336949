from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Decision, Kind, TaggingError, Tagloop, User, ledger
from tagging_core.common.users import Role
from tagging_core.curation import Plan, plans
from tagging_core.errors import DecisionError, NotAllowedError, NotFoundError, TagError
from tagging_core.ledger import Event, taxonomy_store
from tagging_core.review import decisions
from tagging_core.taxonomy.model import Category, Tag, as_payload
from tests.conftest import GREEN, RED, ingest


def labels(loop: Tagloop, asset_id: int) -> dict[str, int]:
    with loop.database.read() as connection:
        return {t: label.value for t, label in decisions.labels_of(connection, asset_id).items()}


def merge(loop: Tagloop, user: User, source: str, target: str) -> str:
    return loop.curation.apply(user, plans.merge(loop.taxonomy(), source, target))


def test_merging_moves_labels_names_and_children_to_the_target(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, GREEN)
    loop.review.decide(ann, Decision(Kind.ADD, first, "garment.hat"))
    loop.review.decide(ann, Decision(Kind.ADD, second, "garment.dress"))
    loop.curation.apply(ann, plans.move(loop.taxonomy(), "garment.scarf", "garment", parent_id="garment.hat"))
    change_id = merge(loop, ann, "garment.hat", "garment.dress")
    taxonomy = loop.taxonomy()
    assert taxonomy.tag("garment.hat").id == "garment.dress"
    assert "Hat" in taxonomy.tags["garment.dress"].aliases["en"]
    assert taxonomy.tags["garment.scarf"].parent_id == "garment.dress"
    assert labels(loop, first) == {"garment.dress": 1}
    with loop.database.read() as connection:
        assert taxonomy_store.counts(connection)["garment.dress"] == (2, 0)
    loop.model.library.settle()
    assert "garment.hat" not in loop.model.library.matrix().rows
    loop.curation.undo(ann, change_id)
    assert labels(loop, first) == {"garment.hat": 1}
    assert loop.taxonomy().tags["garment.scarf"].parent_id == "garment.hat"


def test_a_decision_on_a_merged_id_counts_for_its_target(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    merge(loop, ann, "garment.hat", "garment.dress")
    loop.review.decide(ann, Decision(Kind.ADD, asset_id, "garment.hat"))
    assert labels(loop, asset_id) == {"garment.dress": 1}


def test_an_accept_wins_a_merge_and_a_later_decision_overrides_it(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset_id, "garment.hat"))
    loop.review.decide(ann, Decision(Kind.REJECT, asset_id, "garment.dress"))
    merge(loop, ann, "garment.hat", "garment.dress")
    assert labels(loop, asset_id) == {"garment.dress": 1}
    loop.review.decide(ann, Decision(Kind.REJECT, asset_id, "garment.dress"))
    assert labels(loop, asset_id) == {"garment.dress": 0}


def test_a_merged_tag_is_neither_recreated_nor_matched(loop: Tagloop, ann: User) -> None:
    merge(loop, ann, "garment.hat", "garment.dress")
    with pytest.raises(TagError, match="already a name of the tag 'Dress'"):
        loop.curation.save(ann, Tag("", "garment", {"en": "hat"}))
    assert "garment.hat" not in {hit.tag.id for hit in loop.curation.tag_finder().find("hat")}


def test_undoing_a_deletion_restores_the_tag_with_its_labels(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset_id, "garment.hat"))
    change_id = loop.curation.apply(ann, plans.delete(loop.taxonomy(), "garment.hat"))
    assert labels(loop, asset_id) == {}
    with pytest.raises(NotFoundError):
        loop.taxonomy().tag("garment.hat")
    assert loop.curation.save(ann, Tag("", "garment", {"en": "Hat"})).id == "garment.hat-2"
    with pytest.raises(TagError, match="already a name"):
        loop.curation.undo(ann, change_id)
    loop.curation.apply(ann, plans.delete(loop.taxonomy(), "garment.hat-2"))
    loop.curation.undo(ann, change_id)
    assert labels(loop, asset_id) == {"garment.hat": 1}


def test_a_split_moves_pictures_and_is_undone_as_a_whole(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, GREEN)
    for asset_id in (first, second):
        loop.review.decide(ann, Decision(Kind.ADD, asset_id, "garment.hat"))
    change_id = loop.curation.apply(
        ann, plans.split(loop.taxonomy(), "garment.hat", Tag("", "", {"en": "Beret"}), asset_ids=[second])
    )
    assert labels(loop, second) == {"garment.hat": 0, "garment.beret": 1}
    with pytest.raises(DecisionError, match="library's history"):
        loop.review.undo_group(ann, change_id)
    assert change_id not in {past.group_id for past in loop.review.recent_actions(ann)}
    undo_id = loop.curation.undo(ann, change_id)
    assert labels(loop, second) == {"garment.hat": 1}
    assert "garment.beret" not in loop.taxonomy().tags
    loop.curation.undo(ann, undo_id)
    assert labels(loop, second) == {"garment.hat": 0, "garment.beret": 1}


def test_children_follow_a_moved_tag_and_outlive_a_deleted_one(loop: Tagloop, ann: User) -> None:
    loop.curation.apply(ann, plans.move(loop.taxonomy(), "garment.scarf", "garment", parent_id="garment.hat"))
    loop.curation.apply(ann, plans.move(loop.taxonomy(), "garment.hat", "product", parent_id=None))
    assert loop.taxonomy().tags["garment.scarf"].category_id == "product"
    loop.curation.apply(ann, plans.delete(loop.taxonomy(), "garment.hat"))
    assert loop.taxonomy().tags["garment.scarf"].parent_id is None


def test_a_change_cannot_be_undone_before_later_ones(loop: Tagloop, ann: User) -> None:
    first = loop.curation.apply(ann, plans.set_state(loop.taxonomy(), "garment.hat", "deprecated"))
    bo = User("Bo", frozenset(Role))
    later = loop.curation.apply(bo, plans.set_state(loop.taxonomy(), "garment.hat", "active"))
    with pytest.raises(DecisionError, match="'Hat' was changed again by Bo"):
        loop.curation.undo(ann, first)
    loop.curation.undo(ann, later)
    assert loop.taxonomy().tags["garment.hat"].state == "deprecated"


def test_a_stale_plan_is_rejected(loop: Tagloop, ann: User) -> None:
    plan = plans.merge(loop.taxonomy(), "garment.hat", "garment.dress")
    loop.curation.save(
        User("Bo", frozenset(Role)), replace(loop.taxonomy().tags["garment.dress"], definition="New")
    )
    with pytest.raises(TagError, match="was changed by Bo"):
        loop.curation.apply(ann, plan)
    assert loop.taxonomy().tags["garment.hat"].state == "active"


def test_the_impact_of_a_change_is_previewed(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, GREEN)
    loop.review.decide(ann, Decision(Kind.ADD, first, "garment.hat"))
    loop.review.decide(ann, Decision(Kind.REJECT, second, "garment.hat"))
    before = loop.taxonomy()
    found = loop.curation.impact(plans.merge(before, "garment.hat", "garment.dress"))
    assert (found.pictures, found.decisions) == (1, 2)
    assert found.moved == {"garment.hat": "garment.dress"}
    sentences = " ".join(found.sentences())
    assert "1 picture will show other tags" in sentences
    assert loop.taxonomy() is before
    deleted = loop.curation.impact(plans.delete(before, "garment.hat"))
    assert "'garment.hat' gets an error: there is no such tag" in " ".join(deleted.sentences())
    renamed = plans.save(before, replace(before.tags["garment.hat"], names={"en": "Headgear"}))
    assert loop.curation.impact(renamed).renamed == {"garment.hat": ("Hat", "Headgear")}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: plans.move(t, "garment.hat", "garment", parent_id="garment.hat"), "cannot be its own ancestor"),
        (lambda t: plans.move(t, "garment.hat", "garment", parent_id="garment.nothing"), "there is no such tag"),
        (lambda t: plans.move(t, "garment.hat", "garment", parent_id="scene.outdoor"), "of another category"),
        (lambda t: plans.move(t, "garment.hat", "nowhere", parent_id=None), "no category 'nowhere'"),
        (lambda t: plans.merge(t, "garment.hat", "garment.hat"), "into itself"),
        (
            lambda t: plans.split(t, "garment.hat", Tag("", "", {"en": "Beret"}), asset_ids=[]),
            "Choose the pictures",
        ),
        (lambda t: plans.split(t, "garment.hat", Tag("", "", {}), asset_ids=[1]), "needs an English name"),
        (lambda t: plans.save(t, replace(t.tags["garment.hat"], target=1.5)), "between 0.5 and 1"),
        (lambda t: plans.set_state(t, "garment.hat", "odd"), "The state of a tag is"),
        (lambda t: plans.set_state(t, "garment.hat", "active"), "changes nothing"),
        (lambda t: plans.delete_category(t, "garment"), "has 16 tags"),
        (lambda t: plans.save_category(t, Category("", {"en": " SCENE "})), "already the name of the category"),
        (lambda t: plans.save_category(t, Category("", {"zh": "x"})), "needs an English name"),
        (lambda t: plans.save_category(t, replace(t.categories["scene"], top_k=0)), "1 to 12"),
    ],
)
def test_an_invalid_change_is_rejected_and_nothing_is_written(
    loop: Tagloop, ann: User, make: object, message: str
) -> None:
    before = loop.taxonomy()
    with pytest.raises(TaggingError, match=message):
        loop.curation.apply(ann, make(before))  # type: ignore[operator]
    assert loop.taxonomy() is before


def test_an_indirect_cycle_is_rejected(loop: Tagloop, ann: User) -> None:
    loop.curation.apply(ann, plans.move(loop.taxonomy(), "garment.scarf", "garment", parent_id="garment.hat"))
    with pytest.raises(TagError, match="'Hat' below 'Scarf'"):
        loop.curation.apply(ann, plans.move(loop.taxonomy(), "garment.hat", "garment", parent_id="garment.scarf"))
    with pytest.raises(TagError, match="into its descendant 'Scarf'"):
        plans.merge(loop.taxonomy(), "garment.hat", "garment.scarf")


@pytest.mark.parametrize("word", ["HÁT", "ｈａｔ", "  hat ", "帽子"])
def test_names_are_compared_ignoring_case_width_accents_and_spaces(loop: Tagloop, ann: User, word: str) -> None:
    with pytest.raises(TagError, match="already a name of the tag 'Hat'"):
        loop.curation.save(ann, Tag("", "garment", {"en": "Something", "zh": word}))
    assert loop.curation.save(ann, Tag("", "scene", {"en": "Something", "zh": word})).id == "scene.something"


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("हिन्द", "हनद")])
def test_marks_that_change_the_word_are_significant(loop: Tagloop, ann: User, one: str, other: str) -> None:
    loop.curation.save(ann, Tag("", "scene", {"en": "First", "ja": one}))
    loop.curation.save(ann, Tag("", "scene", {"en": "Second", "ja": other}))


def test_undoing_a_category_deletion_restores_it_in_its_profiles(loop: Tagloop, ann: User) -> None:
    loop.curation.apply(ann, plans.save_category(loop.taxonomy(), Category("", {"en": "House style"}), ["news"]))
    change_id = loop.curation.apply(ann, plans.delete_category(loop.taxonomy(), "house-style"))
    assert "house-style" not in loop.taxonomy().categories
    loop.curation.undo(ann, change_id)
    assert "house-style" in loop.taxonomy().profiles["news"].categories


def test_only_owners_can_change_the_library(loop: Tagloop, ann: User) -> None:
    editor = User("ed", frozenset({Role.EDITOR}))
    plan = plans.delete(loop.taxonomy(), "garment.hat")
    with pytest.raises(NotAllowedError):
        loop.curation.apply(editor, plan)
    change_id = loop.curation.apply(ann, plan)
    with pytest.raises(NotAllowedError):
        loop.curation.undo(editor, change_id)
    with pytest.raises(TagError, match="changes nothing"):
        loop.curation.apply(ann, Plan("Nothing", ()))


def test_the_title_of_a_merge_names_the_tag_that_stays_even_if_only_the_other_changed(
    loop: Tagloop, ann: User
) -> None:
    hat = loop.taxonomy().tag("garment.hat")
    gone = replace(hat, state="merged", merged_into="garment.dress")
    with loop.database.write() as connection:
        event = Event(Kind.TAG, ann.name, tag_id=hat.id, group_id="alone", payload=as_payload(gone))
        ledger.append(connection, event)
    assert loop.curation.history.recent(1)[0].title == "Merged Hat into Dress"
