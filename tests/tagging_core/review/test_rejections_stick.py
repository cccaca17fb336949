"""What a person said of a pair stays said, whatever the machine does afterwards."""

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

NO, YES = "colour.red", "travel.island"


@pytest.fixture
def asset(loop: Tagloop, ann: User) -> int:
    (asset,) = ingest(loop, ann, RED)
    assert NO in {s.tag_id for s in loop.review.suggest(asset, "e-commerce")}
    for kind, tag in ((Kind.REJECT, NO), (Kind.ADD, YES)):
        loop.review.decide(ann, Decision(kind, asset, tag, profile="e-commerce"))
    return asset


def check(loop: Tagloop, ann: User, asset: int) -> None:
    """The rejected tag is suggested nowhere, in no way of working; the given one is still there."""
    for profile in ("e-commerce", "general"):
        assert NO not in {s.tag_id for s in loop.review.suggest(asset, profile)}
    assert NO not in {s.tag_id for s in loop.review.card(ann, asset, "e-commerce").suggestions}
    for page in (loop.bulk.grid(ann, View("e-commerce"), subject) for subject in (NO, "colour")):
        assert NO not in {cell.tag_id for cell in page.cells}
    offers = loop.bulk.preview(ann, View("e-commerce"), 0.9).offers
    assert not any(asset in dict(offer.pictures) for offer in offers if offer.tag_id == NO)
    with loop.database.read() as connection:
        found = decisions.labels_of(connection, asset)
    assert {t: label.value for t, label in found.items()} == {NO: 0, YES: 1}


def test_after_learning_more(loop: Tagloop, ann: User, asset: int) -> None:
    for other in ingest(loop, ann, *[(200 + n, 20, 20) for n in range(4)]):
        loop.review.decide(ann, Decision(Kind.ACCEPT, other, NO, profile="e-commerce"))
    check(loop, ann, asset)


def test_after_tagging_the_same_file_again(loop: Tagloop, ann: User, asset: int) -> None:
    batch = loop.ingest.upload(ann, [("again.jpg", photo(RED, size=(60, 40)))], "e-commerce")
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert loop.ingest.batch(batch).known == 1
    check(loop, ann, asset)


def test_after_a_rebuild(loop: Tagloop, ann: User, asset: int) -> None:
    loop.rebuild(ann)
    check(loop, ann, asset)


def test_after_a_change_of_model(loop: Tagloop, ann: User, asset: int) -> None:
    settings = loop.settings
    loop.close()
    other = TinyEncoder(replace(find_preset("tiny"), revision="another"))
    changed = Tagloop(settings, encoder=other)
    assert changed.model.preset.fingerprint != load_encoder("tiny", settings.data_dir).fingerprint
    changed.model.library.settle()
    batch = changed.ingest.upload(ann, [("again.jpg", photo(RED, size=(60, 40)))], "e-commerce")
    changed.start()
    wait_for(lambda: changed.ingest.batch(batch).state == "done")
    check(changed, ann, asset)
    changed.close()


def test_in_a_group_that_gets_the_tag(loop: Tagloop, ann: User, asset: int) -> None:
    others = ingest(loop, ann, (210, 30, 30), (215, 25, 30))
    given = [Decision(Kind.ACCEPT, a, NO, profile="e-commerce") for a in (asset, *others)]
    loop.bulk.decide(ann, given)
    check(loop, ann, asset)
    with loop.database.read() as connection:
        assert all(decisions.labels_of(connection, a)[NO].value == 1 for a in others)
    with pytest.raises(DecisionError, match="decided on before"):
        loop.bulk.decide(ann, given)


def test_in_a_bulk_act_that_was_seen_before_the_rejection(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asset,) = ingest(loop, ann, RED)
    sure = Thresholds(0.9, Threshold(0.2, 100, 99), {})
    monkeypatch.setattr(loop.review, "thresholds", lambda profile, target: sure)
    seen = loop.bulk.preview(ann, View("e-commerce"), 0.9).offers
    assert NO in {offer.tag_id for offer in seen}
    for kind, tag in ((Kind.REJECT, NO), (Kind.ADD, YES)):
        loop.review.decide(ann, Decision(kind, asset, tag, profile="e-commerce"))
    list(loop.bulk.accept_many(ann, seen, "e-commerce", target=0.9))
    with loop.database.read() as connection:
        assert decisions.labels_of(connection, asset)[NO].value == 0
