from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select

from tagging_core import Decision, Kind, TaggingError, Tagloop, User, ledger
from tagging_core.embeddings import vectors
from tagging_core.learning import training_set
from tagging_core.learning.training_set import TrainingSetSampler
from tagging_core.ledger import projection, taxonomy_store
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.ledger.events import Event
from tagging_core.review import decisions, queue
from tagging_core.review.queue import View
from tagging_core.storage.schema import assets, calibrations, content, daily, dirty, events, labels, learned
from tagging_core.taxonomy import Tag
from tests.conftest import BLUE, GREEN, RED, YELLOW, examples, ingest, wait_for

TAG = "garment.dress"
_KEPT_AFTER_UNDO = ("upload", "given", "changed")
"""Counters that an undo does not reverse: an undo by somebody else is itself counted."""


def probability(loop: Tagloop, asset_id: int, tag_id: str = TAG) -> float:
    matrix = loop.model.library.matrix()
    with loop.database.read() as connection:
        vector = vectors.load(connection, loop.model.preset.fingerprint, [asset_id])[asset_id]
    return float(matrix.probabilities(vector[None])[0, matrix.rows[tag_id]])


def state(loop: Tagloop) -> dict:
    """Everything derived from the ledger, for comparison."""
    loop.model.library.settle()
    with loop.database.read() as connection:
        fitted = {
            row.tag_id: (np.frombuffer(row.weights, np.float32), row.bias)
            for row in connection.execute(select(learned))
        }
        return {
            "labels": sorted(tuple(r)[:3] for r in connection.execute(select(labels))),
            "daily": sorted(
                tuple(r)
                for table in (daily, content)
                for r in connection.execute(select(table))
                if r.n and r[3] not in _KEPT_AFTER_UNDO
            ),
            "learned": fitted,
            "calibration": connection.execute(select(calibrations.c.parameters)).scalar_one(),
        }


def same(one: dict, other: dict) -> bool:
    return (
        one["labels"] == other["labels"]
        and one["daily"] == other["daily"]
        and one["calibration"] == other["calibration"]
        and one["learned"].keys() == other["learned"].keys()
        and all(
            np.array_equal(w, other["learned"][tag][0]) and b == other["learned"][tag][1]
            for tag, (w, b) in one["learned"].items()
        )
    )


def test_the_next_picture_reflects_a_decision_immediately(loop: Tagloop, ann: User) -> None:
    first, alike, other = ingest(loop, ann, RED, RED, BLUE)
    before = probability(loop, alike), probability(loop, other)
    loop.review.decide(ann, Decision(Kind.ACCEPT, first, TAG, profile="e-commerce"))
    assert probability(loop, alike) > before[0] + 0.1
    assert probability(loop, alike) > probability(loop, other)


def test_a_rejected_tag_is_less_probable_and_never_suggested_again(loop: Tagloop, ann: User) -> None:
    first, alike = ingest(loop, ann, RED, RED)
    loop.review.decide(ann, Decision(Kind.ACCEPT, first, TAG, profile="e-commerce"))
    high = probability(loop, alike)
    loop.review.decide(ann, Decision(Kind.REJECT, alike, TAG, profile="e-commerce"))
    assert probability(loop, alike) < high
    assert TAG not in {s.tag_id for s in loop.review.suggest(alike, "e-commerce")}


def test_accepting_a_tag_is_evidence_against_the_rest_of_its_exclusive_category(loop: Tagloop, ann: User) -> None:
    first, alike = ingest(loop, ann, RED, RED)
    loop.review.decide(ann, Decision(Kind.ADD, first, "garment.hat", profile="e-commerce"))
    before = probability(loop, alike)
    loop.review.decide(ann, Decision(Kind.ADD, alike, "garment.hat", profile="e-commerce"))
    loop.model.library.settle()
    assert probability(loop, alike) < before


def test_done_turns_tags_that_were_not_accepted_into_negatives(loop: Tagloop, ann: User) -> None:
    first, alike = ingest(loop, ann, RED, RED)
    loop.model.library.settle()
    before = probability(loop, alike, "material.denim")
    loop.review.decide(ann, Decision(Kind.DONE, first, profile="e-commerce"))
    loop.model.library.settle()
    assert probability(loop, alike, "material.denim") < before


def test_finished_reviews_outside_the_sample_are_not_training_examples(
    loop: Tagloop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (projection, training_set):
        monkeypatch.setattr(module, "IMPLICIT_SAMPLE", 2)
    taxonomy, space = loop.taxonomy(), loop.model.library.pictures
    samples = {1: 40, 2: 30, 3: 20, 4: 10}  # the pictures with the smallest numbers are the sample
    plain: dict[str, object] = {"name": "", "format": "JPEG", "width": 1, "height": 1, "bytes": 1, "frames": 1}
    plain["created_at"] = datetime.now(UTC).replace(tzinfo=None)
    written: list[int] = []
    with loop.database.write() as connection:
        rows = [plain | {"id": n, "sha256": f"{n:064x}", "sample": sample} for n, sample in samples.items()]
        connection.execute(assets.insert(), rows)
        vectors.save(connection, space, list(samples), matrix=np.eye(4, loop.model.preset.dimension))

        def after(kind: Kind, asset_id: int, target: int | None = None) -> tuple[bool, list[int]]:
            """Whether the tag must be refitted, and the pictures it is fitted on."""
            connection.execute(delete(dirty))
            event = Event(kind, "Ann", asset_id, target_id=target, profile="e-commerce")
            written.append(projection.record(connection, event, taxonomy))
            sampler = TrainingSetSampler(connection, taxonomy, space, pack=loop.model.library.pack(connection))
            examples, _ = sampler.of(taxonomy.tags[TAG])
            marked = connection.execute(select(dirty).where(dirty.c.tag_id == TAG)).first()
            return marked is not None, [example.asset_id for example in examples]

        assert after(Kind.DONE, 4) == (True, [4])
        assert after(Kind.DONE, 2) == (True, [2, 4])
        assert after(Kind.DONE, 1) == (False, [2, 4])
        assert after(Kind.DONE, 3) == (True, [3, 4])  # takes the place of picture 2
        assert after(Kind.UNDO, 3, written[-1]) == (True, [2, 4])
        assert after(Kind.UNDO, 1, written[2]) == (False, [2, 4])


def test_undo_reverts_what_was_learned(loop: Tagloop, ann: User) -> None:
    first, _ = ingest(loop, ann, RED, GREEN)
    before = state(loop)
    event_id = loop.review.decide(ann, Decision(Kind.ACCEPT, first, TAG, profile="e-commerce"))
    assert not same(state(loop), before)
    loop.review.undo(ann, event_id)
    assert same(state(loop), before)


def test_a_decision_sent_twice_is_written_once(loop: Tagloop, ann: User) -> None:
    (first,) = ingest(loop, ann, RED)
    decision = Decision(Kind.ACCEPT, first, TAG, profile="e-commerce")
    assert loop.review.decide(ann, decision) == loop.review.decide(ann, decision)
    assert loop.review.decide(ann, Decision(Kind.ACCEPT, first, TAG, profile="e-commerce")) == loop.review.decide(
        ann, decision
    )
    with loop.database.read() as connection:
        assert len(connection.execute(select(events).where(events.c.asset_id == first)).all()) == 1


def test_the_shown_suggestion_is_stored_with_the_decision(loop: Tagloop, ann: User) -> None:
    (first,) = ingest(loop, ann, RED)
    shown = loop.review.suggest(first, "e-commerce")
    seen = shown[0]
    decision = Decision(Kind.ACCEPT, first, seen.tag_id, profile="e-commerce", seconds=2.5, shown=shown)
    event_id = loop.review.decide(ann, decision)
    with loop.database.read() as connection:
        event = ledger.find_event(connection, event_id)
    assert event is not None
    assert event.payload == {
        "probability": round(seen.probability, 4),
        "rank": 1,
        "revision": seen.revision,
        "fingerprint": seen.fingerprint,
    }
    assert event.seconds == 2.5


def test_undo_last_undoes_the_users_own_latest_decision(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    loop.review.decide(ann, Decision(Kind.ACCEPT, first, TAG, profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.SKIP, second, profile="e-commerce"))
    for kind, asset_id in ((Kind.SKIP, second), (Kind.ACCEPT, first)):
        last = loop.review.undo_last(ann)
        assert last is not None
        assert (last.latest.kind, last.latest.asset_id) == (kind, asset_id)
    assert loop.review.undo_last(ann) is None


def test_queue_and_counts_follow_the_reviews(loop: Tagloop, ann: User) -> None:
    first, second, third = ingest(loop, ann, RED, BLUE, GREEN)
    event_id = loop.review.decide(ann, Decision(Kind.DONE, first, profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.SKIP, second, profile="e-commerce"))
    with loop.database.read() as connection:
        assert queue.next_assets(connection, View()) == [third]
        assert queue.next_assets(connection, View(batch_id=1, state="skipped")) == [second]
        for batch in (None, 1):
            assert queue.progress(connection, batch) == queue.QueueProgress(1, 1, 1)
    loop.review.undo(ann, event_id)
    with loop.database.read() as connection:
        assert queue.next_assets(connection, View()) == [first, third]
        assert queue.progress(connection) == queue.QueueProgress(2, 0, 1)


_STEP = st.tuples(
    st.sampled_from([Kind.ACCEPT, Kind.REJECT, Kind.ADD, Kind.REPLACE, Kind.DONE, Kind.SKIP, Kind.UNDO]),
    st.integers(0, 3),
    st.sampled_from([TAG, "garment.hat", "colour.red"]),
)


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_STEP, max_size=10))
def test_replaying_the_ledger_gives_the_same_library(loop: Tagloop, ann: User, steps: list) -> None:
    with loop.database.read() as connection:
        known = queue.next_assets(connection, View())
    assets = known if len(known) >= 4 else ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
    for kind, n, tag in steps:
        if kind == Kind.UNDO:
            loop.review.undo_last(ann)
            continue
        needs = kind in ledger.NEEDS_TAG
        other = "material.denim" if kind == Kind.REPLACE else None
        loop.review.decide(
            ann, Decision(kind, assets[n % len(assets)], tag if needs else None, other, "e-commerce")
        )
    before = state(loop)
    loop.rebuild(ann)
    assert same(state(loop), before)


def test_the_worker_learns_from_decisions_of_another_process(working: Tagloop, ann: User) -> None:
    first, alike = ingest(working, ann, RED, RED)
    before = probability(working, alike)
    other_process = Tagloop(working.settings)
    with other_process.database.write() as connection:
        decision = Decision(Kind.ACCEPT, first, TAG, profile="e-commerce")
        decisions.decide(connection, ann, decision, taxonomy=other_process.taxonomy())
    other_process.close()
    wait_for(lambda: probability(working, alike) > before + 0.1)


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        (Decision(Kind.ACCEPT, 1), "accept, reject and add name one tag"),
        (Decision(Kind.REPLACE, 1, TAG, TAG), "replaced by itself"),
        (Decision(Kind.ACCEPT, 1, "garment.nothing"), "no tag 'garment.nothing'"),
        (Decision(Kind.ACCEPT, 99, TAG), "no picture 99"),
        (Decision(Kind.DONE, 1, profile="nowhere"), "no profile 'nowhere'"),
        (Decision(Kind.TAG, 1), "is no decision"),
    ],
)
def test_an_invalid_decision_is_refused(loop: Tagloop, ann: User, decision: Decision, message: str) -> None:
    ingest(loop, ann, RED)
    with pytest.raises(TaggingError, match=message):
        loop.review.decide(ann, decision)


def test_a_tag_that_is_created_while_tags_are_fitted_is_fitted_too(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, usual = loop.model.library, loop.model.library._marks
    library.settle()
    kilt = Tag("garment.kilt", "garment", {"en": "Kilt"})

    def create_first(connection: Connection, only: list[str] | None) -> tuple[dict[str, str], int | None]:
        if kilt.id not in loop.taxonomy().tags:
            with loop.database.write() as other:
                taxonomy_store.write(other, ann, [kilt])
                mark_dirty(other, [kilt.id])
        return usual(connection, only)

    monkeypatch.setattr(library, "_marks", create_first)
    library.settle()
    assert kilt.id in library.matrix().rows
