from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tagging_core import Tagloop, User
from tagging_core.curation import plans
from tagging_core.taxonomy.model import Category, Tag


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def make_changes(loop: Tagloop, user: User) -> list[str]:
    """Rename, merge, add a category with a tag, and delete; return the ids of the change sets."""
    change_sets = [
        loop.curation.apply(
            user, plans.save(loop.taxonomy(), replace(loop.taxonomy().tags["garment.dress"], names={"en": "Gown"}))
        )
    ]
    change_sets.append(loop.curation.apply(user, plans.merge(loop.taxonomy(), "garment.hat", "garment.scarf")))
    change_sets.append(
        loop.curation.apply(user, plans.save_category(loop.taxonomy(), Category("", {"en": "House"}), ["news"]))
    )
    loop.curation.save(user, Tag("", "house", {"en": "Bold"}))
    change_sets.append(loop.curation.apply(user, plans.delete(loop.taxonomy(), "scene.beach")))
    return change_sets


def test_a_past_version_of_the_library_can_be_compared_and_restored(loop: Tagloop, ann: User) -> None:
    before, moment = loop.taxonomy(), now()
    make_changes(loop, ann)
    past = loop.curation.history.taxonomy_at(moment)
    assert (past.categories, past.tags, past.profiles) == (before.categories, before.tags, before.profiles)
    changes = loop.curation.history.changes_since(moment)
    kinds = {(c.kind, c.after.id) for c in changes}
    assert {
        ("changed", "garment.dress"),
        ("merged", "garment.hat"),
        ("added", "house"),
        ("added", "house.bold"),
        ("deleted", "scene.beach"),
    } <= kinds
    change_set = loop.curation.apply(ann, plans.restore(changes, "then"))
    restored = loop.taxonomy()
    assert (restored.categories, restored.tags, restored.profiles) == (
        before.categories,
        before.tags,
        before.profiles,
    )
    assert loop.curation.history.changes_since(moment) == []
    loop.curation.undo(ann, change_set)
    assert loop.taxonomy().tags["garment.dress"].name() == "Gown"


def test_every_change_is_listed_with_who_what_and_when(loop: Tagloop, ann: User) -> None:
    assert loop.curation.history.recent() == []  # the starter library is not listed as a change
    make_changes(loop, ann)
    listed = loop.curation.history.recent()
    assert [c.title for c in listed] == [
        "Deleted Beach",
        "Added Bold",
        "Added the category House; Changed the profile News: categories",
        "Merged Hat into Scarf",
        "Renamed Dress to Gown",
    ]
    assert {c.actor for c in listed} == {"Ann"}
    assert [c.title for c in loop.curation.history.recent(tag_id="garment.hat")] == ["Merged Hat into Scarf"]
    assert [c.title for c in loop.curation.history.recent(limit=1, before=listed[0].event_id)] == ["Added Bold"]


def test_differences_are_reported_field_by_field(loop: Tagloop, ann: User) -> None:
    (change_set, *_) = make_changes(loop, ann)
    (changed,) = loop.curation.history.changes_of(change_set)
    assert changed.fields() == [("names", {"en": "Dress", "zh": "连衣裙"}, {"en": "Gown"})]


def test_the_library_is_empty_before_its_creation(loop: Tagloop) -> None:
    created_at = loop.curation.history.first_change_at()
    assert created_at <= now()
    assert loop.curation.history.changes_since(created_at) == []
    assert loop.curation.history.taxonomy_at(created_at - timedelta(days=1)).tags == {}
