"""What a person said of a pair stays said, whatever the machine does afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagging_core import Decision, Kind, Tagloop, User, reviewing
from tagging_core.encoders import find_preset, load_encoder
from tagging_core.encoders.tiny import TinyEncoder
from tagging_core.queue import View
from tests.conftest import RED, ingest, photo, wait_for

NO, YES = "colour.red", "travel.island"


@pytest.fixture
def asset(loop: Tagloop, ann: User) -> int:
    (asset,) = ingest(loop, ann, RED)
    assert NO in {s.tag_id for s in loop.suggest(asset, "e-commerce")}
    for kind, tag in ((Kind.REJECT, NO), (Kind.ADD, YES)):
        loop.decide(ann, Decision(kind, asset, tag, profile="e-commerce"))
    return asset


def check(loop: Tagloop, ann: User, asset: int) -> None:
    """The rejected tag is suggested nowhere, in no way of working; the given one is still there."""
    for profile in ("e-commerce", "general"):
        assert NO not in {s.tag_id for s in loop.suggest(asset, profile)}
    assert NO not in {s.tag_id for s in loop.card(ann, asset, "e-commerce").suggestions}
    for page in (loop.light_table.grid(ann, View("e-commerce"), subject) for subject in (NO, "colour")):
        assert NO not in {cell.tag_id for cell in page.cells}
    offers = loop.light_table.preview(ann, View("e-commerce"), 0.9).offers
    assert not any(asset in dict(offer.pictures) for offer in offers if offer.tag_id == NO)
    with loop.database.read() as connection:
        found = reviewing.labels_of(connection, asset)
    assert {t: label.value for t, label in found.items()} == {NO: 0, YES: 1}


def test_after_learning_more(loop: Tagloop, ann: User, asset: int) -> None:
    for other in ingest(loop, ann, *[(200 + n, 20, 20) for n in range(4)]):
        loop.decide(ann, Decision(Kind.ACCEPT, other, NO, profile="e-commerce"))
    check(loop, ann, asset)


def test_after_tagging_the_same_file_again(loop: Tagloop, ann: User, asset: int) -> None:
    batch = loop.upload(ann, [("again.jpg", photo(RED, size=(60, 40)))], "e-commerce")
    wait_for(lambda: loop.batch(batch).state == "done")
    assert loop.batch(batch).known == 1
    check(loop, ann, asset)


def test_after_a_rebuild(loop: Tagloop, ann: User, asset: int) -> None:
    loop.rebuild(ann)
    check(loop, ann, asset)


def test_after_a_change_of_model(loop: Tagloop, ann: User, asset: int) -> None:
    settings = loop.settings
    loop.close()
    other = TinyEncoder(replace(find_preset("tiny"), revision="another"))
    changed = Tagloop(settings, encoder=other)
    assert changed.preset.fingerprint != load_encoder("tiny", settings.data_dir).fingerprint
    changed.library.settle()
    batch = changed.upload(ann, [("again.jpg", photo(RED, size=(60, 40)))], "e-commerce")
    changed.start()
    wait_for(lambda: changed.batch(batch).state == "done")
    check(changed, ann, asset)
    changed.close()
