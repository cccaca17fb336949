from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.curation import plans, sensitive_tags
from tagging_core.errors import DecisionError
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.review import sensitive_queue
from tagging_core.review.queue import View
from tests.conftest import RED, ingest


def mark(loop: Tagloop, user: User, tag_id: str) -> None:
    loop.curation.save(user, replace(loop.taxonomy().tags[tag_id], sensitive=True))
    loop.model.library.settle()


def test_the_shipped_sensitive_tags_are_off_by_default_and_can_be_switched(loop: Tagloop, ann: User) -> None:
    assert not sensitive_tags.is_on(loop.taxonomy())
    loop.curation.apply(ann, sensitive_tags.switch_on(loop.taxonomy()))
    taxonomy = loop.taxonomy()
    assert len([tag for tag in taxonomy.active() if tag.sensitive]) == 6
    assert all("sensitive" in profile.categories for profile in taxonomy.profiles.values())
    loop.curation.apply(ann, sensitive_tags.switch_off(taxonomy))
    assert not sensitive_tags.is_on(loop.taxonomy())
    loop.curation.apply(ann, sensitive_tags.switch_on(loop.taxonomy()))
    assert sensitive_tags.is_on(loop.taxonomy())


def test_a_sensitive_tag_is_suggested_even_if_others_are_likelier(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, RED)
    shown = {s.tag_id for s in loop.review.suggest(asset_id, "general")}
    everything = {t.id for t in loop.taxonomy().active(loop.taxonomy().profiles["general"])}
    scored = loop.model.library.matrix()
    with loop.database.read() as connection:
        probabilities = loop.model.suggester.score(connection, [asset_id], "general").probabilities[0]
    likely = [t for t in everything - shown if probabilities[scored.rows[t]] >= MIN_PROBABILITY]
    if not likely:  # make room: one tag per category
        for category in [c for c in loop.taxonomy().categories.values() if c.top_k > 1]:
            loop.curation.apply(ann, plans.save_category(loop.taxonomy(), replace(category, top_k=1)))
        shown = {s.tag_id for s in loop.review.suggest(asset_id, "general")}
        likely = [t for t in everything - shown if probabilities[scored.rows[t]] >= MIN_PROBABILITY]
    mark(loop, ann, likely[0])
    assert likely[0] in {s.tag_id for s in loop.review.suggest(asset_id, "general")}


def test_a_sensitive_tag_cannot_be_accepted_in_bulk(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, RED, RED, RED, profile="general")
    view = View("general")
    assert "colour.red" in loop.bulk.grid(ann, view).asked
    mark(loop, ann, "colour.red")
    assert "colour.red" not in loop.bulk.grid(ann, view).asked
    assert "colour.red" not in {t for group in loop.bulk.groups(ann, view) for t, _ in group.tags}
    assert "colour.red" not in {offer.tag_id for offer in loop.bulk.preview(ann, view, 0.5).offers}
    many = [Decision(Kind.ACCEPT, a, "colour.red", profile="general") for a in pictures]
    with pytest.raises(DecisionError, match="one picture at a time"):
        loop.bulk.decide(ann, many)
    loop.bulk.decide(ann, many[:1])


def test_pictures_with_a_sensitive_suggestion_are_counted_until_decided(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, RED, profile="general")
    mark(loop, ann, "colour.red")
    for asset_id in (first, second):
        loop.review.suggest(asset_id, "general")
    with loop.database.read() as connection:
        assert sensitive_queue.waiting(connection, loop.taxonomy()) == {"colour.red": 2}
        assert {a for a, _ in sensitive_queue.pictures(connection, loop.taxonomy(), "colour.red")} == {
            first,
            second,
        }
    loop.review.decide(ann, Decision(Kind.REJECT, first, "colour.red", profile="general"))
    with loop.database.read() as connection:
        assert sensitive_queue.waiting(connection, loop.taxonomy()) == {"colour.red": 1}
