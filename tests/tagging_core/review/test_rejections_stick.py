"""A decision about a picture and a tag persists, whatever the model does afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.embeddings.encoders import find_preset, load_encoder
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.errors import DecisionError
from tagging_core.learning.thresholds import Threshold, Thresholds
from tagging_core.review import decisions
from tagging_core.review.queue import View
from tests.conftest import RED, ingest, photo, wait_for

REJECTED, ADDED = "colour.red", "travel.island"


@pytest.fixture
def asset(loop: Tagloop, ann: User) -> int:
    (asset,) = ingest(loop, ann, RED)
    assert REJECTED in {s.tag_id for s in loop.review.suggest(asset, "e-commerce")}
    for kind, tag in ((Kind.REJECT, REJECTED), (Kind.ADD, ADDED)):
        loop.review.decide(ann, Decision(kind, asset, tag, profile="e-commerce"))
    return asset


def check_decisions_persist(loop: Tagloop, ann: User, asset: int) -> None:
    """The rejected tag is not suggested in any review mode; the added one is still there."""
    for profile in ("e-commerce", "general"):
        assert REJECTED not in {s.tag_id for s in loop.review.suggest(asset, profile)}
    assert REJECTED not in {s.tag_id for s in loop.review.card(ann, asset, "e-commerce").suggestions}
    for page in (loop.bulk.grid(ann, View("e-commerce"), subject) for subject in (REJECTED, "colour")):
        assert REJECTED not in {cell.tag_id for cell in page.cells}
    offers = loop.bulk.preview(ann, View("e-commerce"), 0.9).offers
    assert not any(asset in dict(offer.pictures) for offer in offers if offer.tag_id == REJECTED)
    with loop.database.read() as connection:
        found = decisions.labels_of(connection, asset)
    assert {t: label.value for t, label in found.items()} == {REJECTED: 0, ADDED: 1}


def test_decisions_persist_after_more_learning(loop: Tagloop, ann: User, asset: int) -> None:
    for other in ingest(loop, ann, *[(200 + n, 20, 20) for n in range(4)]):
        loop.review.decide(ann, Decision(Kind.ACCEPT, other, REJECTED, profile="e-commerce"))
    check_decisions_persist(loop, ann, asset)


def test_decisions_persist_after_the_same_file_is_ingested_again(loop: Tagloop, ann: User, asset: int) -> None:
    batch = loop.ingest.upload(ann, [("again.jpg", photo(RED, size=(60, 40)))], "e-commerce")
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert loop.ingest.batch(batch).known == 1
    check_decisions_persist(loop, ann, asset)


def test_decisions_persist_after_a_rebuild(loop: Tagloop, ann: User, asset: int) -> None:
    loop.rebuild(ann)
    check_decisions_persist(loop, ann, asset)


def test_decisions_persist_after_a_change_of_model(loop: Tagloop, ann: User, asset: int) -> None:
    settings = loop.settings
    loop.close()
    other = TinyEncoder(replace(find_preset("tiny"), revision="another"))
    changed = Tagloop(settings, encoder=other)
    assert changed.model.preset.fingerprint != load_encoder("tiny", settings.data_dir).fingerprint
    changed.model.library.settle()
    batch = changed.ingest.upload(ann, [("again.jpg", photo(RED, size=(60, 40)))], "e-commerce")
    changed.start()
    wait_for(lambda: changed.ingest.batch(batch).state == "done")
    check_decisions_persist(changed, ann, asset)
    changed.close()


def test_accepting_a_group_does_not_override_a_rejection(loop: Tagloop, ann: User, asset: int) -> None:
    others = ingest(loop, ann, (210, 30, 30), (215, 25, 30))
    decisions_of_group = [Decision(Kind.ACCEPT, a, REJECTED, profile="e-commerce") for a in (asset, *others)]
    loop.bulk.decide(ann, decisions_of_group)
    check_decisions_persist(loop, ann, asset)
    with loop.database.read() as connection:
        assert all(decisions.labels_of(connection, a)[REJECTED].value == 1 for a in others)
    with pytest.raises(DecisionError, match="decided on before"):
        loop.bulk.decide(ann, decisions_of_group)


def test_bulk_accept_does_not_override_a_rejection_made_after_the_preview(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asset,) = ingest(loop, ann, RED)
    sure = Thresholds(0.9, Threshold(0.2, 100, 99), {})
    monkeypatch.setattr(loop.review, "thresholds", lambda profile, target: sure)
    offers = loop.bulk.preview(ann, View("e-commerce"), 0.9).offers
    assert REJECTED in {offer.tag_id for offer in offers}
    for kind, tag in ((Kind.REJECT, REJECTED), (Kind.ADD, ADDED)):
        loop.review.decide(ann, Decision(kind, asset, tag, profile="e-commerce"))
    list(loop.bulk.accept_many(ann, offers, "e-commerce", target=0.9))
    with loop.database.read() as connection:
        assert decisions.labels_of(connection, asset)[REJECTED].value == 0
