"""Blind samples, second opinions and known pictures, which keep the accuracy figures honest."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from tagging_core import Decision, Kind, TaggingError, Tagloop, User, ledger
from tagging_core.common.users import local_user
from tagging_core.ledger.events import Look
from tagging_core.review import decisions, queue
from tagging_core.review.queue import View
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage.schema import daily, events
from tests.conftest import BLUE, GREEN, RED, ingest

DRESS, SKIRT = "garment.dress", "garment.skirt"
VIEW = View("e-commerce")


@pytest.fixture
def bob() -> User:
    return local_user("Bob")


def decide(
    loop: Tagloop, user: User, asset: int, kind: Kind, tag: str | None = None, look: Look | None = None
) -> int:
    return loop.review.decide(user, Decision(kind, asset, tag, profile="e-commerce", look=look))


def state(loop: Tagloop, asset: int) -> ledger.AssetState:
    with loop.database.read() as connection:
        return ledger.fold(ledger.history_of(connection, asset))


def figures(loop: Tagloop) -> dict[tuple[str, str], int]:
    with loop.database.read() as connection:
        rows = connection.execute(select(daily).where(daily.c.n > 0, daily.c.subject.in_(["all", "tag"])))
        return {
            (row.key, row.kind): row.n for row in rows if (row.key and "." not in row.kind) or row.kind == "done"
        }


def payload(loop: Tagloop, event_id: int) -> dict:
    with loop.database.read() as connection:
        return connection.execute(select(events.c.payload).where(events.c.id == event_id)).scalar_one() or {}


def test_samples_have_the_configured_share_and_are_independent() -> None:
    shares = SamplingRates(blind=0.03, second=0.2)
    samples = [n * 7_919_777_333 + 12_345 for n in range(20_000)]
    blind = [shares.is_blind(s) for s in samples]
    second = [shares.needs_second_opinion(s) for s in samples]
    assert sum(blind) / len(samples) == pytest.approx(0.03, abs=0.005)
    assert sum(second) / len(samples) == pytest.approx(0.2, abs=0.01)
    both = sum(b and s for b, s in zip(blind, second, strict=True)) / len(samples)
    assert both == pytest.approx(0.006, abs=0.003)
    assert not any(SamplingRates(blind=0).is_blind(s) for s in samples)


def test_a_blind_picture_hides_its_suggestions_and_records_them(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.rates = SamplingRates(blind=1)
    card = loop.review.card(ann, asset, "e-commerce")
    assert card.blind
    assert card.suggestions == []
    hidden = {s.tag_id for s in loop.review.suggest(asset, "e-commerce")}
    added = Decision(Kind.ADD, asset, next(iter(hidden)), profile="e-commerce", shown=card.shown)
    first = payload(loop, loop.review.decide(ann, added))
    assert "probability" not in first  # nothing was shown
    assert set(first["hidden"]) == hidden
    again = loop.review.card(ann, asset, "e-commerce")
    assert not again.suggestions
    finished = Decision(Kind.DONE, asset, profile="e-commerce", shown=again.shown)
    done = payload(loop, loop.review.decide(ann, finished))
    assert done["blind"]
    assert set(done["hidden"]) == hidden  # including the added tag: the model had suggested it
    assert not loop.review.card(ann, asset, "e-commerce").blind  # finished: nothing needs hiding any more


def test_a_required_second_opinion_is_given_without_seeing_the_first(loop: Tagloop, ann: User, bob: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.rates = SamplingRates(blind=0, known=0, second=1)
    decide(loop, ann, asset, Kind.ADD, DRESS)
    decide(loop, ann, asset, Kind.DONE)
    with loop.database.read() as connection:
        assert queue.progress(connection) == queue.QueueProgress(0, 0, 0, second=1)
    second_view = View("e-commerce", state="second")
    assert loop.review.assigner.next(ann, second_view) is None  # not from the same person
    turn = loop.review.assigner.next(bob, second_view)
    assert turn is not None
    assert (turn.asset_id, turn.look) == (asset, Look.SECOND)
    card = loop.review.card(bob, asset, "e-commerce")
    assert card.look == Look.SECOND
    assert card.decided == {}
    assert loop.review.card(ann, asset, "e-commerce").decided.keys() == {DRESS}

    decide(loop, bob, asset, Kind.ADD, DRESS, Look.SECOND)
    assert loop.review.card(bob, asset, "e-commerce").decided.keys() == {DRESS}
    done = decide(loop, bob, asset, Kind.DONE, look=Look.SECOND)
    compared = payload(loop, done)
    assert (compared["look"], compared["agreed"], compared["differs"]) == ("second", [DRESS], [])
    assert state(loop, asset).review == "done"
    assert figures(loop) == {(DRESS, "add"): 1, ("", "done"): 1, (DRESS, "agree"): 1}


def test_disagreeing_opinions_flag_the_picture_and_change_no_tag(loop: Tagloop, ann: User, bob: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.rates = SamplingRates(blind=0, second=1)
    decide(loop, ann, asset, Kind.ADD, DRESS)
    decide(loop, ann, asset, Kind.DONE)
    loop.review.assigner.release(ann, [asset])
    decide(loop, bob, asset, Kind.ADD, SKIRT, Look.SECOND)
    done = decide(loop, bob, asset, Kind.DONE, look=Look.SECOND)
    assert state(loop, asset).review == "flagged"
    assert {t: label.value for t, label in state(loop, asset).labels.items()} == {DRESS: 1}
    assert figures(loop)[SKIRT, "differ"] == figures(loop)[DRESS, "differ"] == 1
    loop.review.assigner.release(bob, [asset])
    settled = decide(loop, ann, asset, Kind.DONE)  # settling a flag does not ask for another opinion
    assert state(loop, asset).review == "done"
    loop.review.undo(ann, settled)
    loop.review.undo(bob, done)
    assert state(loop, asset).review == "second"
    assert (DRESS, "differ") not in figures(loop)


def test_a_second_opinion_must_come_from_somebody_else(loop: Tagloop, ann: User, bob: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    with pytest.raises(TaggingError, match="No second opinion is wanted"):
        decide(loop, bob, asset, Kind.DONE, look=Look.SECOND)
    loop.review.rates = SamplingRates(blind=0, second=1)
    decide(loop, ann, asset, Kind.DONE)
    with pytest.raises(TaggingError, match="somebody else than the first"):
        decide(loop, ann, asset, Kind.DONE, look=Look.SECOND)


def test_known_pictures_are_mixed_in_for_measurement_only(loop: Tagloop, ann: User, bob: User) -> None:
    first, second, _ = ingest(loop, ann, RED, BLUE, GREEN)
    loop.review.rates = loop.review.assigner._rates = SamplingRates(blind=0, known=1)
    decide(loop, ann, first, Kind.ADD, DRESS)
    decide(loop, ann, first, Kind.DONE)
    assert loop.review.assigner.next(ann, VIEW) != first  # reviewed by Ann herself
    turn = loop.review.assigner.next(bob, VIEW)
    assert turn is not None
    assert (turn.asset_id, turn.look) == (first, Look.KNOWN)
    assert loop.review.card(bob, first, "e-commerce", look=Look.KNOWN).decided == {}
    before = state(loop, first)
    decide(loop, bob, first, Kind.ADD, SKIRT, Look.KNOWN)
    done = payload(loop, decide(loop, bob, first, Kind.DONE, look=Look.KNOWN))
    assert (done["agreed"], done["differs"]) == ([], [DRESS, SKIRT])
    assert dataclasses.replace(state(loop, first), looks={}) == before
    again = loop.review.assigner.next(bob, VIEW)
    assert again is not None
    assert again.look is None  # Bob has reviewed it now
    assert second in (again.asset_id, second)


def test_looks_survive_a_rebuild(loop: Tagloop, ann: User, bob: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    loop.review.rates = SamplingRates(blind=0, second=1)
    decide(loop, ann, asset, Kind.ADD, DRESS)
    decide(loop, ann, asset, Kind.DONE)
    decide(loop, bob, asset, Kind.ADD, SKIRT, Look.SECOND)
    loop.rebuild(ann)
    with loop.database.read() as connection:
        assert decisions.labels_of(connection, asset).keys() == {DRESS}
        assert queue.progress(connection).second == 1
    assert loop.review.card(bob, asset, "e-commerce").decided.keys() == {SKIRT}
