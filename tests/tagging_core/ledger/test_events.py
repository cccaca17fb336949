from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagging_core import ledger
from tagging_core.ledger.events import Event, Kind

TAGS = st.sampled_from(["a", "b", "c"])
PAYLOADS = st.sampled_from(
    [
        None,
        {"second_due": True},
        {"look": "second", "agreed": ["a"], "differs": []},
        {"look": "second", "agreed": [], "differs": ["b"]},
        {"look": "known", "agreed": [], "differs": ["b"]},
    ]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Any history of one asset, undos of undos included."""
    events: list[Event] = []
    for n in range(1, draw(st.integers(0, 12)) + 1):
        kinds = [*ledger.NEEDS_TAG, Kind.DONE, Kind.SKIP, Kind.FLAG] + [Kind.UNDO] * bool(events)
        kind = draw(st.sampled_from(sorted(kinds)))
        tag = draw(TAGS) if kind in ledger.NEEDS_TAG else None
        other = draw(st.sampled_from([t for t in "abc" if t != tag])) if kind == Kind.REPLACE else None
        target = draw(st.sampled_from([e.id for e in events])) if kind == Kind.UNDO else None
        profile = draw(st.sampled_from(["x", "y"]))
        actor, payload = draw(st.sampled_from(["ann", "bob"])), None if kind == Kind.UNDO else draw(PAYLOADS)
        events.append(Event(kind, actor, 1, tag, other, target, profile, payload=payload, id=n))
    return events


@given(histories())
def test_undoing_the_latest_event_restores_the_state_before_it(history: list[Event]) -> None:
    if history:
        undo = Event(Kind.UNDO, "ann", 1, target_id=history[-1].id, id=len(history) + 1)
        assert ledger.fold([*history, undo]) == ledger.fold(history[:-1])


@given(histories())
def test_undoing_an_undo_restores_the_decision(history: list[Event]) -> None:
    if history:
        n = len(history)
        undo = Event(Kind.UNDO, "ann", 1, target_id=history[-1].id, id=n + 1)
        redo = Event(Kind.UNDO, "ann", 1, target_id=n + 1, id=n + 2)
        assert ledger.fold([*history, undo, redo]) == ledger.fold(history)


@given(histories())
def test_undoing_everything_leaves_nothing(history: list[Event]) -> None:
    n = len(history)
    undos = [Event(Kind.UNDO, "ann", 1, target_id=e.id, id=n + 1 + i) for i, e in enumerate(reversed(history))]
    assert ledger.fold([*history, *undos]) == ledger.fold([])


def test_the_latest_decision_on_a_tag_wins() -> None:
    history = [Event(Kind.ACCEPT, "ann", 1, "a", id=1), Event(Kind.REPLACE, "bob", 1, "a", "b", id=2)]
    labels = ledger.fold(history).labels
    assert {tag: label.value for tag, label in labels.items()} == {"a": 0, "b": 1}


@given(histories())
def test_an_independent_look_never_changes_a_label(history: list[Event]) -> None:
    without = [e for e in history if not e.look]
    removed = {e.id for e in history} - {e.id for e in without}
    without = [e for e in without if e.target_id not in removed]
    assert ledger.fold(history).labels == ledger.fold(without).labels
    assert ledger.fold(history).reviews == ledger.fold(without).reviews
