from __future__ import annotations

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.curation import plans, tag_health
from tagging_core.taxonomy.redirects import NO_REDIRECTS
from tests.conftest import GREEN, RED, ingest

SHOWN = {"probability": 0.5}


def test_use_growth_and_precision_follow_decisions_and_merges(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, GREEN)
    loop.review.decide(ann, Decision(Kind.ACCEPT, first, "garment.hat", payload=SHOWN))
    undone = loop.review.decide(ann, Decision(Kind.REJECT, second, "garment.hat", payload=SHOWN))
    with loop.database.read() as connection:
        found = tag_health.load(connection, ["garment.hat", "garment.dress"], NO_REDIRECTS)
        assert tag_health.growing(connection, NO_REDIRECTS) == ["garment.hat"]
    hat = found["garment.hat"]
    assert (hat.pictures, hat.rejected, hat.given, hat.given_before) == (1, 1, 1, 0)
    assert (hat.precision, hat.judged) == (0.5, 2)
    assert hat.interval == pytest.approx((0.095, 0.905), abs=0.01)
    assert found["garment.dress"] == tag_health.Health()
    assert found["garment.dress"].precision is None
    loop.review.undo(ann, undone)
    loop.curation.apply(ann, plans.merge(loop.taxonomy(), "garment.hat", "garment.dress"))
    with loop.database.read() as connection:
        redirects = loop.taxonomy().redirects
        dress = tag_health.load(connection, ["garment.dress"], redirects)["garment.dress"]
        assert (dress.pictures, dress.precision) == (1, 1.0)
        assert tag_health.curve(connection, "garment.dress", redirects)["precision"].tolist() == [1.0]


def test_best_and_doubtful_examples_are_distinguished(loop: Tagloop, ann: User) -> None:
    pictures = ingest(loop, ann, *[RED] * 5, GREEN)
    for asset_id in pictures:
        loop.review.decide(ann, Decision(Kind.ADD, asset_id, "colour.red"))
    loop.model.library.settle()
    with loop.database.read() as connection:
        best, doubtful = tag_health.examples(connection, loop.model.library, "colour.red", limit=3)
    assert doubtful[0].asset_id == pictures[5]
    assert {e.asset_id for e in best} <= set(pictures[:5])
    assert best[0].probability > doubtful[0].probability


def test_a_tag_without_decisions_has_no_examples(loop: Tagloop) -> None:
    with loop.database.read() as connection:
        assert tag_health.examples(connection, loop.model.library, "colour.red") == ([], [])
        assert tag_health.curve(connection, "colour.red", NO_REDIRECTS).empty
