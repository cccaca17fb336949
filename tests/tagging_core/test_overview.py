from __future__ import annotations

import pytest

from tagging_core import Decision, Kind, Tagloop, User, insights
from tagging_core.errors import NotAllowedError
from tagging_core.people import Role
from tests.conftest import BLUE, RED, ingest


def test_figures_count_what_stands(loop: Tagloop, ann: User) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    profile = "e-commerce"
    loop.decide(ann, Decision(Kind.ACCEPT, first, "garment.dress", profile=profile))
    loop.decide(ann, Decision(Kind.ADD, second, "material.denim", profile=profile))
    loop.decide(ann, Decision(Kind.REPLACE, second, "garment.dress", "garment.hat", profile))
    loop.decide(ann, Decision(Kind.DONE, second, profile=profile))
    wrong = loop.decide(ann, Decision(Kind.REJECT, first, "colour.red", profile=profile))
    loop.undo(ann, wrong)
    with loop.database.read() as connection:
        totals = insights.overview(connection, ann)
        by_day = insights.tags_by_day(connection, ann, loop.taxonomy())
        table = insights.accuracy(connection, ann, loop.taxonomy())
    assert (totals.uploaded, totals.reviewed) == (2, 1)
    assert (totals.accepted, totals.rejected, totals.added) == (1, 1, 2)
    assert totals.agreement == 0.5
    assert (totals.review.waiting, totals.review.done) == (1, 1)
    given = dict(zip(by_day["tag_id"], by_day["pictures"], strict=True))
    assert given == {"garment.dress": 1, "garment.hat": 1, "material.denim": 1}
    rows = {row.tag_id: (row.accepted, row.rejected, row.added) for row in table.itertuples()}
    assert rows == {"garment.dress": (1, 1, 0), "garment.hat": (0, 0, 1), "material.denim": (0, 0, 1)}


def test_without_decisions_there_is_nothing(loop: Tagloop, ann: User) -> None:
    with loop.database.read() as connection:
        assert insights.overview(connection, ann).agreement is None
        assert insights.tags_by_day(connection, ann, loop.taxonomy()).empty
        assert insights.accuracy(connection, ann, loop.taxonomy()).empty


def test_editors_do_not_read_charts(loop: Tagloop) -> None:
    with loop.database.read() as connection, pytest.raises(NotAllowedError):
        insights.overview(connection, User("ed", frozenset({Role.EDITOR})))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 0, 0, 1), (8, 10, 0.490, 0.943), (0, 10, 0, 0.278), (10, 10, 0.722, 1)],
)
def test_the_interval_is_wilsons(successes: int, trials: int, low: float, high: float) -> None:
    assert insights.wilson(successes, trials) == pytest.approx((low, high), abs=1e-3)
