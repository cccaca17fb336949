"""Acts of an editor: applied in order, each once, and retracted by what the editor saw."""

from __future__ import annotations

import contextlib
import itertools
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import Role, local_user
from tagging_core.errors import DecisionError, LeasedError, NotAllowedError
from tagging_core.review import Act, ActKind, EditorActs, Shown, View
from tagging_core.storage.schema import events
from tests.conftest import BLUE, GREEN, RED, ingest

# The same picture again would be the same asset, and JPEG makes neighbouring colours equal.
COLOURS = itertools.product(range(0, 256, 12), range(0, 256, 12), range(0, 256, 12))
TAGS = ("colour.red", "season.summer", "travel.island")


@pytest.fixture
def acts(loop: Tagloop) -> EditorActs:
    return EditorActs(loop.review)


def make(asset: int, kind: ActKind, tag: str | None = None, target: str = "", uid: str = "") -> Act:
    return Act(uid or uuid.uuid4().hex, kind, asset, Shown(asset, "general"), tag, target=target)


def labels(loop: Tagloop, asset: int) -> dict[str, int]:
    return {tag: label.value for tag, label in loop.assets.labels([asset]).get(asset, {}).items()}


def count(loop: Tagloop) -> int:
    with loop.database.read() as connection:
        return len(connection.execute(events.select().where(events.c.asset_id.is_not(None))).all())


def test_clear_undoes_whatever_decided_the_tag(loop: Tagloop, ann: User, acts: EditorActs) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.REJECT, asset, "colour.red"))
    acts.apply(ann, make(asset, ActKind.CLEAR, "colour.red"))
    assert labels(loop, asset) == {}
    before = count(loop)
    acts.apply(ann, make(asset, ActKind.CLEAR, "colour.red"))  # nothing left to undo
    assert count(loop) == before


def test_reopen_undoes_the_decision_that_closed_the_review(loop: Tagloop, ann: User, acts: EditorActs) -> None:
    (asset,) = ingest(loop, ann, RED)
    acts.apply(ann, make(asset, ActKind.ACCEPT, "colour.red"))
    acts.apply(ann, make(asset, ActKind.DONE))
    acts.apply(ann, make(asset, ActKind.REOPEN))
    assert loop.assets.get(asset).review == "new"
    assert labels(loop, asset) == {"colour.red": 1}
    acts.apply(ann, make(asset, ActKind.REOPEN))
    assert loop.assets.get(asset).review == "new"


def test_an_undone_retraction_restores_the_decision(loop: Tagloop, ann: User, acts: EditorActs) -> None:
    (asset,) = ingest(loop, ann, RED)
    acts.apply(ann, make(asset, ActKind.ACCEPT, "colour.red"))
    acts.apply(ann, make(asset, ActKind.CLEAR, "colour.red", uid="clear-it"))
    acts.apply(ann, make(asset, ActKind.UNDO, target="clear-it"))
    assert labels(loop, asset) == {"colour.red": 1}


def test_undoing_an_act_that_never_arrived_changes_nothing(loop: Tagloop, ann: User, acts: EditorActs) -> None:
    (asset,) = ingest(loop, ann, RED)
    acts.apply(ann, make(asset, ActKind.UNDO, target="unknown"))
    assert count(loop) == 0


@pytest.mark.parametrize("kind", [ActKind.CLEAR, ActKind.REOPEN])
def test_pictures_that_others_have_open_are_left_alone(
    loop: Tagloop, ann: User, acts: EditorActs, kind: ActKind
) -> None:
    (asset,) = ingest(loop, ann, RED)
    acts.apply(ann, make(asset, ActKind.ACCEPT, "colour.red"))
    acts.apply(ann, make(asset, ActKind.DONE))
    loop.review.assigner.take(local_user("Bob"), asset, force=True)
    with pytest.raises(LeasedError):
        acts.apply(ann, make(asset, kind, "colour.red"))
    assert loop.assets.get(asset).review == "done"


def test_accepting_a_tag_replaces_the_accepted_one_of_an_exclusive_category(
    loop: Tagloop, ann: User, acts: EditorActs
) -> None:
    (asset,) = ingest(loop, ann, RED)
    acts.apply(ann, make(asset, ActKind.ADD, "garment.dress"))
    acts.apply(ann, make(asset, ActKind.ACCEPT, "garment.shoes", uid="shoes-act"))
    assert labels(loop, asset) == {"garment.dress": 0, "garment.shoes": 1}
    acts.apply(ann, make(asset, ActKind.UNDO, target="shoes-act"))
    assert labels(loop, asset) == {"garment.dress": 1}


def test_clear_rejects_what_somebody_else_accepted(loop: Tagloop, ann: User, acts: EditorActs) -> None:
    (asset,) = ingest(loop, ann, RED)
    acts.apply(ann, make(asset, ActKind.ACCEPT, "colour.red"))
    acts.apply(ann, make(asset, ActKind.REJECT, "colour.blue", uid="blue-act"))
    acts.apply(ann, make(asset, ActKind.DONE, uid="done-act"))
    editor = User("Bob", frozenset({Role.EDITOR}))
    acts.apply(editor, make(asset, ActKind.CLEAR, "colour.red", uid="clear-act"))
    assert labels(loop, asset) == {"colour.blue": 0, "colour.red": 0}
    for kind, tag in ((ActKind.CLEAR, "colour.blue"), (ActKind.REOPEN, None)):
        with pytest.raises(NotAllowedError):
            acts.apply(editor, make(asset, kind, tag, uid=f"{kind}-later"))


def test_clear_without_a_tag_is_refused(loop: Tagloop, ann: User, acts: EditorActs) -> None:
    (asset,) = ingest(loop, ann, RED)
    with pytest.raises(DecisionError, match="names the tag"):
        acts.apply(ann, make(asset, ActKind.CLEAR))


STEPS = st.lists(
    st.tuples(st.sampled_from(["accept", "reject", "clear", "done", "reopen", "undo"]), st.sampled_from(TAGS)),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, repeats=st.lists(st.integers(0, 11), max_size=4))
def test_what_arrives_again_is_written_once_and_the_ledger_holds_what_was_done(
    loop: Tagloop, ann: User, steps: list[tuple[str, str]], repeats: list[int]
) -> None:
    acts, asset = EditorActs(loop.review), ingest(loop, ann, next(COLOURS))[0]
    expected: dict[str, int] = {}
    undos: list[tuple[str, dict[str, int]]] = []
    sent: list[Act] = []
    for kind, tag in steps:
        act = make(asset, ActKind(kind), None if kind in ("done", "reopen", "undo") else tag)
        if kind == "undo":
            if not undos:
                continue
            target, expected = undos.pop()
            act = make(asset, ActKind.UNDO, target=target)
        elif kind in ("accept", "reject", "clear"):
            before = dict(expected)
            if kind == "clear":
                expected.pop(tag, None)
            else:
                expected[tag] = int(kind == "accept")
            if expected != before:
                undos.append((act.uid, before))
        acts.apply(ann, act)
        sent.append(act)
    for n in repeats:
        if n < len(sent):
            with contextlib.suppress(DecisionError):  # one that changed nothing is refused once others followed
                acts.apply(ann, sent[n], [act.uid for act in sent[n + 1 :]])
    assert labels(loop, asset) == expected


def test_a_deal_leases_each_picture_once_and_passed_ones_come_last(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, profile="general")
    view, assigner = View("general", order="batch"), loop.review.assigner  # type: ignore[arg-type]
    first = [turn.asset_id for turn in assigner.deal(ann, view, count=2)]
    assert first == assets[:2]
    assert [turn.asset_id for turn in assigner.deal(ann, view, first, count=5)] == assets[2:]
    assert assigner.deal(ann, view, assets, count=5) == []
    assert assigner.deal(local_user("Bob"), view, count=1) == []
    again = assigner.deal(ann, view, assets[1:], passed=[assets[0]], count=2)
    assert [turn.asset_id for turn in again] == assets[:1]
