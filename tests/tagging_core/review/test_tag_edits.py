"""Editing the tags of a selection of pictures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.errors import DecisionError, NotAllowedError, NotFoundError
from tagging_core.review import decisions
from tagging_core.review.tag_edits import TagEdit
from tests.conftest import BLUE, GREEN, RED, ingest

RED_TAG, DRESS, SKIRT = "colour.red", "garment.dress", "garment.skirt"


@pytest.fixture
def assets(loop: Tagloop, ann: User) -> list[int]:
    return ingest(loop, ann, RED, GREEN, BLUE)


def add(loop: Tagloop, user: User, asset: int, tag: str) -> int:
    return loop.review.decide(user, Decision(Kind.ADD, asset, tag, profile="e-commerce"))


def edit(loop: Tagloop, user: User, assets: list[int], *, add: list[str] = [], remove: list[str] = []) -> TagEdit:  # noqa: B006
    return loop.bulk.edit_tags(user, assets, add=add, remove=remove, profile="e-commerce")


def accepted(loop: Tagloop, asset: int) -> set[str]:
    with loop.database.read() as connection:
        return {tag_id for tag_id, label in decisions.labels_of(connection, asset).items() if label.value}


def test_tags_are_counted_with_the_most_frequent_first(loop: Tagloop, ann: User, assets: list[int]) -> None:
    for asset in assets:
        add(loop, ann, asset, SKIRT)
    add(loop, ann, assets[0], RED_TAG)
    loop.review.decide(ann, Decision(Kind.REJECT, assets[1], RED_TAG, profile="e-commerce"))
    assert list(loop.bulk.tag_counts(assets).items()) == [(SKIRT, 3), (RED_TAG, 1)]
    assert loop.bulk.tag_counts([]) == {}


def test_an_edit_adds_removes_and_is_undone_as_one(loop: Tagloop, ann: User, assets: list[int]) -> None:
    add(loop, ann, assets[0], SKIRT)
    add(loop, ann, assets[1], RED_TAG)
    before = [accepted(loop, asset) for asset in assets]
    done = edit(loop, ann, assets, add=[RED_TAG], remove=[SKIRT])
    assert [accepted(loop, asset) for asset in assets] == [{RED_TAG}] * 3
    assert (done.pictures, done.held) == (2, {})
    assert done.group is not None
    loop.review.undo_group(ann, done.group.id)
    assert [accepted(loop, asset) for asset in assets] == before


def test_an_added_tag_replaces_one_that_it_excludes(loop: Tagloop, ann: User, assets: list[int]) -> None:
    add(loop, ann, assets[0], DRESS)
    done = edit(loop, ann, assets[:2], add=[SKIRT])
    assert [accepted(loop, asset) for asset in assets[:2]] == [{SKIRT}, {SKIRT}]
    assert done.group is not None
    assert {past.kind for past, _ in loop.assets.histories(assets[:1])[assets[0]]} == {Kind.ADD, Kind.REPLACE}


def test_a_rejected_tag_can_be_added(loop: Tagloop, ann: User, assets: list[int]) -> None:
    loop.review.decide(ann, Decision(Kind.REJECT, assets[0], SKIRT, profile="e-commerce"))
    edit(loop, ann, assets[:1], add=[SKIRT])
    assert accepted(loop, assets[0]) == {SKIRT}


def test_pictures_that_others_have_open_are_left_as_they_are(loop: Tagloop, ann: User, assets: list[int]) -> None:
    loop.review.assigner.take(local_user("Bob"), assets[1])
    done = edit(loop, ann, assets, add=[SKIRT])
    assert [accepted(loop, asset) for asset in assets] == [{SKIRT}, set(), {SKIRT}]
    assert done.held == {assets[1]: "Bob"}


def test_an_edit_that_changes_nothing_writes_nothing(loop: Tagloop, ann: User, assets: list[int]) -> None:
    add(loop, ann, assets[0], SKIRT)
    done = edit(loop, ann, assets[:1], add=[SKIRT], remove=[RED_TAG])
    assert (done.group, done.pictures) == (None, 0)


@pytest.mark.parametrize(
    ("adding", "removing", "message"),
    [
        pytest.param([SKIRT, DRESS], [], "exclude each other", id="rivals"),
        pytest.param([SKIRT], [SKIRT], "added and removed", id="added and removed"),
    ],
)
def test_a_contradictory_edit_is_refused(
    loop: Tagloop, ann: User, assets: list[int], adding: list[str], removing: list[str], message: str
) -> None:
    with pytest.raises(DecisionError, match=message):
        edit(loop, ann, assets, add=adding, remove=removing)
    assert loop.bulk.tag_counts(assets) == {}


def test_a_sensitive_tag_is_not_added_to_many(loop: Tagloop, ann: User, assets: list[int]) -> None:
    loop.curation.save(ann, replace(loop.taxonomy().tags[SKIRT], sensitive=True))
    with pytest.raises(DecisionError, match="sensitive"):
        edit(loop, ann, assets, add=[SKIRT])
    edit(loop, ann, assets[:1], add=[SKIRT])
    assert accepted(loop, assets[0]) == {SKIRT}


def test_unknown_tags_and_users_without_the_right_are_refused(loop: Tagloop, ann: User, assets: list[int]) -> None:
    with pytest.raises(NotFoundError):
        edit(loop, ann, assets, add=["x.y"])
    with pytest.raises(NotAllowedError):
        edit(loop, User("Eve", frozenset()), assets, add=[SKIRT])
