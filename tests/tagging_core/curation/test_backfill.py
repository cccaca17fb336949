"""Reviewed pictures that a new or changed tag probably affects are queued for review, not changed."""

from __future__ import annotations

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Role
from tagging_core.curation import backfill
from tagging_core.errors import DecisionError, NotAllowedError
from tagging_core.review import decisions
from tests.conftest import GREEN, RED, ingest

TAG = "colour.red"


@pytest.fixture
def reviewed(loop: Tagloop, ann: User) -> list[int]:
    """Six red pictures and four green ones, all reviewed; half of the red ones, and one green, have the tag."""
    pictures = ingest(loop, ann, *[RED] * 6, *[GREEN] * 4, profile="general")
    for asset_id in [*pictures[:3], pictures[9]]:
        loop.review.decide(ann, Decision(Kind.ADD, asset_id, TAG, profile="general"))
    for asset_id in pictures:
        loop.review.decide(ann, Decision(Kind.DONE, asset_id, profile="general"))
    loop.model.library.settle()
    return pictures


def scan(loop: Tagloop, user: User, monkeypatch: pytest.MonkeyPatch) -> backfill.Backfill:
    monkeypatch.setattr(backfill, "NEEDS", 0.25)
    monkeypatch.setattr(backfill, "LOSES", 0.4)
    loop.curation.backfills.start(user, TAG)
    while backfill.step(loop.database, loop.model.library):
        pass
    with loop.database.read() as connection:
        return backfill.listed(connection)[0]


def test_likely_missing_and_wrong_tags_are_estimated_and_queued(
    loop: Tagloop, ann: User, reviewed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scan(loop, ann, monkeypatch)
    estimate = loop.curation.backfills.estimate(TAG)
    assert (found.running, found.looked_at) == (False, 10)
    assert (estimate.needs, estimate.loses, estimate.reviewed) == (found.needs, found.loses, 10)
    with loop.database.read() as connection:
        needs = {a for a, _ in backfill.waiting(connection, TAG, 1)}
        loses = [a for a, _ in backfill.waiting(connection, TAG, 0)]
        assert needs == set(reviewed[3:6])
        assert loses[0] == reviewed[9]
        assert TAG not in decisions.labels_of(connection, reviewed[3])  # the scan changes no label


def test_answers_form_one_decision_group(
    loop: Tagloop, ann: User, reviewed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(loop, ann, monkeypatch)
    asked = reviewed[3:6]
    group = loop.curation.backfills.answer(ann, TAG, 1, asked=asked, applies=asked[:2])
    assert group is not None
    with loop.database.read() as connection:
        values = [decisions.labels_of(connection, a)[TAG].value for a in asked]
        assert backfill.waiting(connection, TAG, 1) == []
    assert values == [1, 1, 0]
    loop.review.undo_group(ann, group.id)
    assert (
        loop.curation.backfills.answer(ann, TAG, 0, asked=[reviewed[9]], applies=[reviewed[9]]) is None
    )  # the tag stays
    with pytest.raises(DecisionError, match="not on this page"):
        loop.curation.backfills.answer(ann, TAG, 1, asked=asked, applies=[999])


def test_a_scan_resumes_where_it_stopped_and_can_be_cancelled(
    loop: Tagloop, ann: User, reviewed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_CHUNK_SIZE", 4)
    monkeypatch.setattr(loop.curation, "work", lambda: False)  # the worker would scan as well
    loop.curation.backfills.start(ann, TAG)
    assert backfill.step(loop.database, loop.model.library)
    with loop.database.read() as connection:
        assert backfill.listed(connection)[0].looked_at == 4
    while backfill.step(loop.database, loop.model.library):
        pass
    with loop.database.read() as connection:
        assert backfill.listed(connection)[0].looked_at == 10
    loop.curation.backfills.stop(ann, TAG)
    with loop.database.read() as connection:
        assert backfill.listed(connection) == []


def test_only_owners_can_start_a_backfill(loop: Tagloop, ann: User) -> None:
    with pytest.raises(NotAllowedError):
        loop.curation.backfills.start(User("ed", frozenset({Role.EDITOR})), TAG)
