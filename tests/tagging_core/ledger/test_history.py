"""A user's recent actions, undoable in any order, and the history of a picture."""

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


def test_actions_are_listed_latest_first_and_undone_in_any_order(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    decide(loop, ann, Kind.ACCEPT, first, TAGS[1])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    actions = loop.review.recent_actions(ann)
    assert [(a.latest.tag_id, a.pictures, a.in_effect) for a in actions] == [
        (TAGS[2], 2, True),
        (TAGS[1], 1, True),
        (TAGS[0], 1, True),
    ]
    loop.review.toggle_act(ann, actions[2])
    assert applied(loop, first) == {TAGS[1], TAGS[2]}
    loop.review.toggle_act(ann, actions[0])
    assert applied(loop, first) == {TAGS[1]}
    assert applied(loop, second) == set()
    assert [a.in_effect for a in loop.review.recent_actions(ann)] == [False, True, False]


def test_undone_actions_can_be_redone_even_after_a_restart(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    for action in loop.review.recent_actions(ann):
        loop.review.toggle_act(ann, action)
    reopened = Tagloop(Settings(**loop.settings.model_dump()))
    for action in reopened.review.recent_actions(ann):
        assert not action.in_effect
        reopened.review.toggle_act(ann, action)
    assert applied(reopened, first) == {TAGS[0], TAGS[2]}
    assert all(action.in_effect for action in reopened.review.recent_actions(ann))
    reopened.close()


def test_a_decision_group_counts_as_one_of_the_fifty_recent_actions(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    monkeypatch.setattr(history, "_PAGE", 3)
    decide(loop, ann, Kind.ACCEPT, assets[0], TAGS[0])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, t, profile="e-commerce") for a in assets for t in TAGS[1:]])
    for n in range(60):
        decide(loop, ann, Kind.ACCEPT if n % 2 else Kind.REJECT, assets[0], "garment.hat")
    actions = loop.review.recent_actions(ann)
    assert len(actions) == history.RECENT_ACTIONS
    with loop.database.read() as connection:
        everything = history.recent_actions(connection, ann, limit=100)
    assert len(everything) == 62
    assert [action.pictures for action in everything[-2:]] == [4, 1]


def test_undo_last_undoes_a_whole_group_then_the_action_before_it(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    decide(loop, ann, Kind.ACCEPT, first, TAGS[0])
    loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAGS[2], profile="e-commerce") for a in (first, second)])
    decide(loop, local_user("Bob"), Kind.ACCEPT, first, TAGS[1])
    loop.review.undo_last(ann)
    assert (applied(loop, first), applied(loop, second)) == ({TAGS[0], TAGS[1]}, set())
    loop.review.undo_last(ann)
    assert applied(loop, first) == {TAGS[1]}
    assert loop.review.undo_last(ann) is None


def test_a_picture_lists_its_whole_history(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    event = decide(loop, ann, Kind.ACCEPT, asset, TAGS[0])
    loop.review.undo(ann, event)
    loop.review.decide(ann, Decision(Kind.FLAG, asset, profile="e-commerce", note=" Is this\n a dress? "))
    with loop.database.read() as connection:
        found = history.of_pictures(connection, [asset])[asset]
    assert [(e.kind, in_effect) for e, in_effect in found] == [
        (Kind.FLAG, True),
        (Kind.UNDO, True),
        (Kind.ACCEPT, False),
    ]
    assert (found[0][0].payload or {})["note"] == "Is this a dress?"


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_undoing_every_action_in_any_order_leaves_no_labels(loop: Tagloop, ann: User, order: list[int]) -> None:
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
    actions = loop.review.recent_actions(ann)[:6]
    assert len(loop.review.recent_actions(ann)) in (before + 6, history.RECENT_ACTIONS)
    for n in order:
        try:
            loop.review.toggle_act(ann, actions[n])
        except TaggingError as error:
            pytest.fail(str(error))
    assert applied(loop, first) == applied(loop, second) == set()
    with loop.database.read() as connection:
        assert decisions.labels_of(connection, first) == {}
