"""Tags used lately, and sets of tags that recur."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.review import recurring_tags
from tests.conftest import BLUE, GREEN, RED, ingest

PICTURES = st.lists(st.lists(st.sampled_from("abcdef"), unique=True), max_size=12)


def test_tags_of_everybody_are_listed_with_the_latest_first(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, GREEN, BLUE)
    for user, asset, kind, tag in (
        (ann, assets[0], Kind.ADD, "garment.dress"),
        (local_user("Bob"), assets[1], Kind.ADD, "colour.red"),
        (ann, assets[2], Kind.REJECT, "colour.blue"),
        (ann, assets[2], Kind.ADD, "garment.dress"),
    ):
        loop.review.assigner.take(user, asset, force=True)
        loop.review.decide(user, Decision(kind, asset, tag, profile="e-commerce"))
    assert loop.review.record.recent_tags() == ["garment.dress", "colour.red"]


def test_sets_that_recur_are_found(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, GREEN, BLUE)
    for asset in assets:
        for tag in ("garment.dress", "colour.red"):
            loop.review.decide(ann, Decision(Kind.ADD, asset, tag, profile="e-commerce"))
    assert loop.review.record.tag_sets() == [("colour.red", "garment.dress")]


def test_larger_sets_on_more_pictures_come_first() -> None:
    pictures = ["abc"] * 4 + ["de"] * 3 + ["fg"] * 2
    assert recurring_tags.sets([list(tags) for tags in pictures], 5) == [("a", "b", "c"), ("d", "e")]


@given(PICTURES)
def test_each_set_occurs_on_three_pictures_and_contains_no_other(pictures: list[list[str]]) -> None:
    found = [set(tags) for tags in recurring_tags.sets(pictures, 9)]
    assert all(len(tags) > 1 and sum(tags <= set(given) for given in pictures) >= 3 for tags in found)
    assert not any(a <= b for n, a in enumerate(found) for m, b in enumerate(found) if n != m)
