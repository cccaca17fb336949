"""The last acts of a person, each undoable in any order, and all that happened to a picture."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagging_core import Decision, Kind, Settings, TaggingError, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.ledger import history
from tagging_core.review import decisions
from tests.conftest import BLUE, GREEN, RED, YELLOW, examples, ingest

TAGS = ["garment.dress", "colour.red", "material.denim"]


def decide(loop: Tagloop, user: User, kind: Kind, asset: int, tag: str | None = None) -> int:
    return loop.review.decide(user, Decision(kind, asset, tag, profile="e-commerce"))


def applied(loop: Tagloop, asset: int) -> set[str]:
    with loop.database.read() as connection:
        return {t for t, label in decisions.labels_of(connection, asset).items() if label.value}


def test_acts_are_listed_latest_first_and_undone_in_any_order(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    decide(loop, ann, Kind.ACCEPT, first, TAGS[1])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    acts = loop.review.recent_actions(ann)
    assert [(a.latest.tag_id, a.pictures, a.in_effect) for a in acts] == [
        (TAGS[2], 2, True),
        (TAGS[1], 1, True),
        (TAGS[0], 1, True),
    ]
    loop.review.toggle_act(ann, acts[2])
    assert applied(loop, first) == {TAGS[1], TAGS[2]}
    loop.review.toggle_act(ann, acts[0])
    assert applied(loop, first) == {TAGS[1]}
    assert applied(loop, second) == set()
    assert [a.in_effect for a in loop.review.recent_actions(ann)] == [False, True, False]


def test_what_was_undone_can_be_brought_back_also_after_a_restart(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    for act in loop.review.recent_actions(ann):
        loop.review.toggle_act(ann, act)
    beside = Tagloop(Settings(**loop.settings.model_dump()))
    for act in beside.review.recent_actions(ann):
        assert not act.in_effect
        beside.review.toggle_act(ann, act)
    assert applied(beside, first) == {TAGS[0], TAGS[2]}
    assert all(act.in_effect for act in beside.review.recent_actions(ann))
    beside.close()


def test_an_act_of_many_is_one_of_fifty_and_hides_none(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    monkeypatch.setattr(history, "_PAGE", 3)
    decide(loop, ann, Kind.ACCEPT, assets[0], TAGS[0])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, t, profile="e-commerce") for a in assets for t in TAGS[1:]])
    for n in range(60):
        decide(loop, ann, Kind.ACCEPT if n % 2 else Kind.REJECT, assets[0], "garment.hat")
    acts = loop.review.recent_actions(ann)
    assert len(acts) == history.RECENT_ACTIONS
    with loop.database.read() as connection:
        everything = history.recent_actions(connection, ann, limit=100)
    assert len(everything) == 62
    assert [act.pictures for act in everything[-2:]] == [4, 1]


def test_undo_key_takes_a_whole_act_back_then_the_one_before(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    decide(loop, local_user("Bob"), Kind.ACCEPT, first, TAGS[1])
    loop.review.undo_last(ann)
    assert (applied(loop, first), applied(loop, second)) == ({TAGS[0], TAGS[1]}, set())
    loop.review.undo_last(ann)
    assert applied(loop, first) == {TAGS[1]}
    assert loop.review.undo_last(ann) is None


def test_a_picture_knows_all_that_happened_to_it(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    event = decide(loop, ann, Kind.ACCEPT, asset, TAGS[0])
    loop.review.undo(ann, event)
    loop.review.decide(ann, Decision(Kind.FLAG, asset, profile="e-commerce", note=" Is this\n a dress? "))
    with loop.database.read() as connection:
        found = history.of_picture(connection, asset)
    assert [(e.kind, stands) for e, stands in found] == [
        (Kind.FLAG, True),
        (Kind.UNDO, True),
        (Kind.ACCEPT, False),
    ]
    assert (found[0][0].payload or {})["note"] == "Is this a dress?"


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_taking_everything_back_in_any_order_leaves_nothing(loop: Tagloop, ann: User, order: list[int]) -> None:
    with loop.database.read() as connection:
        known = [a for a in (1, 2) if decisions.labels_of(connection, a) == {}]
    first, second = known if loop.review.recent_actions(ann) else ingest(loop, ann, RED, BLUE)
    before = len(loop.review.recent_actions(ann))
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    decide(loop, ann, Kind.REJECT, first, TAGS[0])
    loop.review.decide(ann, Decision(Kind.REPLACE, first, TAGS[0], TAGS[1], "e-commerce"))
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    decide(loop, ann, Kind.DONE, first)
    decide(loop, ann, Kind.SKIP, second)
    acts = loop.review.recent_actions(ann)[:6]
    assert len(loop.review.recent_actions(ann)) in (before + 6, history.RECENT_ACTIONS)
    for n in order:
        try:
            loop.review.toggle_act(ann, acts[n])
        except TaggingError as error:
            pytest.fail(str(error))
    assert applied(loop, first) == applied(loop, second) == set()
    with loop.database.read() as connection:
        assert decisions.labels_of(connection, first) == {}
