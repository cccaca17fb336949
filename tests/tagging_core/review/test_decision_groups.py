from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.common.users import Role
from tagging_core.errors import NotAllowedError
from tagging_core.review import decisions, queue
from tagging_core.review.queue import View
from tagging_core.storage.schema import events, labels
from tests.conftest import BLUE, GREEN, RED, YELLOW, examples, ingest
from tests.tagging_core.learning.test_learning_from_decisions import same, state

TAGS = ("garment.dress", "garment.hat", "colour.red")


def decision(kind: Kind, asset_id: int, tag: str | None = None) -> Decision:
    return Decision(kind, asset_id, tag, profile="e-commerce")


def test_a_decision_group_is_fitted_once_and_undone_as_a_whole(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, RED, BLUE)
    before = state(loop)
    start = loop.model.library.matrix().revision
    group = loop.review.decide_many(ann, [decision(Kind.ACCEPT, a, "garment.dress") for a in assets])
    assert loop.model.library.matrix().revision == start + 1
    assert len(group.event_ids) == 3
    undone = loop.review.undo_group(ann, group.id)
    assert same(state(loop), before)
    loop.review.undo_group(ann, undone.id)
    with loop.database.read() as connection:
        assert all(decisions.labels_of(connection, a)["garment.dress"].value == 1 for a in assets)


def test_one_invalid_decision_rolls_back_the_whole_group(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED)
    with pytest.raises(TaggingError, match=r"garment\.nothing"):
        loop.review.decide_many(
            ann, [decision(Kind.ACCEPT, assets[0], TAGS[0]), decision(Kind.ACCEPT, assets[0], "garment.nothing")]
        )
    with loop.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(labels)).scalar_one() == 0


def test_undoing_a_period_of_one_editor_keeps_the_decisions_of_others(loop: Tagloop, ann: User) -> None:
    bob = User("Bob", frozenset({Role.EDITOR}))
    first, second = ingest(loop, ann, RED, BLUE)
    loop.review.decide(ann, decision(Kind.ACCEPT, first, "garment.dress"))
    after_ann = state(loop)
    loop.review.decide(bob, decision(Kind.ACCEPT, second, "garment.hat"))
    loop.review.decide(bob, decision(Kind.DONE, second))
    now = datetime.now(UTC).replace(tzinfo=None)
    since, until = now - timedelta(hours=1), now + timedelta(hours=1)
    group = loop.review.undo_period(ann, "Bob", since, until=until)
    assert len(group.event_ids) == 2
    assert same(state(loop), after_ann)
    with pytest.raises(TaggingError, match="nothing to undo"):
        loop.review.undo_period(ann, "Bob", since, until=until)
    with pytest.raises(NotAllowedError):
        loop.review.undo_period(bob, "Ann", since, until=until)


def test_an_unknown_group_cannot_be_undone(loop: Tagloop, ann: User) -> None:
    with pytest.raises(TaggingError, match="no decision group 'x'"):
        loop.review.undo_group(ann, "x")


_STEP = st.one_of(
    st.tuples(
        st.just("one"), st.sampled_from([Kind.ACCEPT, Kind.REJECT, Kind.ADD]), st.integers(0, 3), st.integers(0, 2)
    ),
    st.tuples(st.just("done"), st.just(Kind.DONE), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("bulk"), st.sampled_from([Kind.ACCEPT, Kind.REJECT]), st.just(0), st.integers(0, 2)),
    st.tuples(st.just("undo"), st.just(Kind.UNDO), st.integers(0, 20), st.just(0)),
)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, max_size=8))
def test_after_undos_the_library_equals_one_that_saw_only_the_remaining_decisions(
    loop: Tagloop, ann: User, steps: list
) -> None:
    with loop.database.read() as connection:
        assets = queue.next_assets(connection, View()) + queue.next_assets(connection, View(state="done"))
    assets = sorted(assets) if len(assets) >= 4 else ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
    fresh = state(loop)
    written: list[tuple[str, int | str]] = []
    for what, kind, n, tag in steps:
        if what == "undo":
            if written:
                how, key = written.pop(n % len(written))
                loop.review.undo_group(ann, str(key)) if how == "group" else loop.review.undo(ann, int(key))
        elif what == "bulk":
            bulk = loop.review.decide_many(ann, [decision(kind, a, TAGS[tag]) for a in assets])
            if bulk.event_ids:  # a group without changes writes no events, so there is nothing to undo
                written.append(("group", bulk.id))
        else:
            with loop.database.read() as connection:
                newest = connection.execute(select(func.max(events.c.id))).scalar_one()
            event_id = loop.review.decide(ann, decision(kind, assets[n], None if kind == Kind.DONE else TAGS[tag]))
            if event_id > newest:  # a decision without changes writes no event
                written.append(("event", event_id))
    mixed = state(loop)
    loop.rebuild(ann)
    assert same(state(loop), mixed)
    while written:
        how, key = written.pop()
        undo = loop.review.undo_group if how == "group" else loop.review.undo
        try:
            undo(ann, key)  # type: ignore[operator]
        except TaggingError:
            continue  # nothing of it was in effect any more
    after = state(loop)
    assert after["labels"] == fresh["labels"]
    assert same(after, fresh)


def test_the_order_of_decisions_does_not_matter(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
    todo = [decision(Kind.ACCEPT, assets[0], TAGS[0]), decision(Kind.REJECT, assets[1], TAGS[0])]
    todo += [decision(Kind.ADD, assets[2], TAGS[1]), decision(Kind.DONE, assets[2]), decision(Kind.DONE, assets[3])]
    results = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(todo))
        done = [
            loop.review.decide(ann, Decision(todo[i].kind, todo[i].asset_id, todo[i].tag_id, None, "e-commerce"))
            for i in order
        ]
        found = state(loop)
        results.append({k: found[k] for k in ("learned", "calibration")} | {"labels": 0, "daily": 0})
        for event_id in done:
            loop.review.undo(ann, event_id)
    assert all(same(results[0], other) for other in results[1:])


def test_a_group_that_changes_nothing_writes_no_events(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, GREEN)
    again = [decision(Kind.ACCEPT, asset, TAGS[0]) for asset in assets]
    assert loop.review.decide_many(ann, again).event_ids
    same_again = [decision(Kind.ACCEPT, asset, TAGS[0]) for asset in assets]
    nothing = loop.review.decide_many(ann, same_again)
    assert nothing.event_ids == []
    with pytest.raises(TaggingError, match="no decision group"):
        loop.review.undo_group(ann, nothing.id)
