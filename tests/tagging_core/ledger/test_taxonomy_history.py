from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tagging_core import Tagloop, User
from tagging_core.curation import plans
from tagging_core.taxonomy.model import Category, Tag


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def change(loop: Tagloop, user: User) -> list[str]:
    """A rename, a merge, a new category with a tag, a deletion."""
    acts = [
        loop.curation.apply(
            user, plans.save(loop.taxonomy(), replace(loop.taxonomy().tags["garment.dress"], names={"en": "Gown"}))
        )
    ]
    acts.append(loop.curation.apply(user, plans.merge(loop.taxonomy(), "garment.hat", "garment.scarf")))
    acts.append(
        loop.curation.apply(user, plans.save_category(loop.taxonomy(), Category("", {"en": "House"}), ["news"]))
    )
    loop.curation.save(user, Tag("", "house", {"en": "Bold"}))
    acts.append(loop.curation.apply(user, plans.delete(loop.taxonomy(), "scene.beach")))
    return acts


def test_a_past_library_is_seen_compared_and_restored(loop: Tagloop, ann: User) -> None:
    before, moment = loop.taxonomy(), now()
    change(loop, ann)
    then = loop.curation.history.taxonomy_at(moment)
    assert (then.categories, then.tags, then.profiles) == (before.categories, before.tags, before.profiles)
    changes = loop.curation.history.changes_since(moment)
    kinds = {(c.kind, c.after.id) for c in changes}
    assert {
        ("changed", "garment.dress"),
        ("merged", "garment.hat"),
        ("added", "house"),
        ("added", "house.bold"),
        ("deleted", "scene.beach"),
    } <= kinds
    act = loop.curation.apply(ann, plans.restore(changes, "then"))
    restored = loop.taxonomy()
    assert (restored.categories, restored.tags, restored.profiles) == (
        before.categories,
        before.tags,
        before.profiles,
    )
    assert loop.curation.history.changes_since(moment) == []
    loop.curation.undo(ann, act)
    assert loop.taxonomy().tags["garment.dress"].name() == "Gown"


def test_every_change_is_listed_with_who_what_and_when(loop: Tagloop, ann: User) -> None:
    assert loop.curation.history.recent() == []  # the starter library is nobody's change
    change(loop, ann)
    listed = loop.curation.history.recent()
    assert [act.title for act in listed] == [
        "Deleted Beach",
        "Added Bold",
        "Added the category House; Changed the profile News: categories",
        "Merged Hat into Scarf",
        "Renamed Dress to Gown",
    ]
    assert {act.actor for act in listed} == {"Ann"}
    assert [act.title for act in loop.curation.history.recent(tag_id="garment.hat")] == ["Merged Hat into Scarf"]
    assert [act.title for act in loop.curation.history.recent(limit=1, before=listed[0].event_id)] == ["Added Bold"]


def test_what_differs_is_told_field_by_field(loop: Tagloop, ann: User) -> None:
    (act, *_) = change(loop, ann)
    (changed,) = loop.curation.history.changes_of(act)
    assert changed.fields() == [("names", {"en": "Dress", "zh": "连衣裙"}, {"en": "Gown"})]


def test_there_is_nothing_before_the_library_began(loop: Tagloop) -> None:
    began = loop.curation.history.first_change_at()
    assert began <= now()
    assert loop.curation.history.changes_since(began) == []
    assert loop.curation.history.taxonomy_at(began - timedelta(days=1)).tags == {}
