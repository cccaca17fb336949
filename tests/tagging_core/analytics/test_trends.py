from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.analytics import productivity, trends
from tagging_core.analytics.productivity import ReviewTimes
from tagging_core.analytics.trends import Content
from tagging_core.common.intervals import MeanEstimate
from tagging_core.common.periods import Period
from tagging_core.curation import plans
from tagging_core.ledger.rollups import reader
from tagging_core.ledger.rollups.content import Basis
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy
from tests.conftest import BLUE, RED, ingest
from tests.tagging_core.analytics.conftest import START, Clock

TAG, OTHER = "garment.dress", "garment.hat"
DAYS = Period(START.date() - timedelta(days=20), START.date() + timedelta(days=20))


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return read_taxonomy()


def content(share: float, days: int = 20, a_day: int = 30, seed: int = 0) -> Content:
    """Content of some days; a share of their pictures has the tag."""
    random = np.random.default_rng(seed)
    hits = random.binomial(a_day, share, days)
    cells = np.stack([np.arange(days), np.zeros(days, int), hits], axis=1)
    return Content({f"2026-09-{d + 1:02d}": a_day for d in range(days)}, [TAG], cells)


def test_movers_report_both_shares_and_exclude_noise(taxonomy: Taxonomy) -> None:
    (mover,) = trends.movers(content(0.31), content(0.45, seed=1), taxonomy)
    assert mover.tag_id == TAG
    assert (mover.before, mover.now) == (pytest.approx(0.31, abs=0.05), pytest.approx(0.45, abs=0.05))
    assert mover.change.low > 0
    assert trends.movers(content(0.31), content(0.31, seed=1), taxonomy) == []


@pytest.mark.parametrize(("before", "now"), [(0, 20), (20, 0), (0, 0)])
def test_a_period_without_pictures_has_no_movers(taxonomy: Taxonomy, before: int, now: int) -> None:
    assert trends.movers(content(0.3, before), content(0.6, now), taxonomy) == []


def test_a_single_picture_is_not_a_trend(taxonomy: Taxonomy) -> None:
    assert trends.movers(content(0.0), content(1.0, 1, 1), taxonomy) == []


def finish(loop: Tagloop, user: User, asset: int, *tags: str) -> None:
    for tag in tags:
        loop.review.decide(user, Decision(Kind.ADD, asset, tag, profile="e-commerce"))
    loop.review.decide(user, Decision(Kind.DONE, asset, profile="e-commerce"))


def load(loop: Tagloop, user: User, basis: Basis = Basis.REVIEWED, part: str = "") -> Content:
    with loop.database.read() as connection:
        return trends.load(connection, user, basis, period=DAYS, part=part)


def test_a_picture_counts_only_while_its_review_is_finished(loop: Tagloop, ann: User) -> None:
    period = Period(date(2020, 1, 1), date(2040, 1, 1))
    (asset,) = ingest(loop, ann, RED)
    loop.review.decide(ann, Decision(Kind.ADD, asset, TAG, profile="e-commerce"))

    def counts() -> tuple[int, dict[str, int]]:
        with loop.database.read() as connection:
            found = trends.load(connection, ann, Basis.REVIEWED, period=period)
        return found.total, found.counts()

    assert counts() == (0, {})
    done = loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    assert counts() == (1, {TAG: 1})
    loop.review.decide(ann, Decision(Kind.REPLACE, asset, TAG, OTHER, profile="e-commerce"))
    assert counts() == (1, {OTHER: 1})
    loop.review.undo(ann, done)
    assert counts() == (0, {})


def test_days_without_pictures_are_gaps_and_others_have_an_interval(loop: Tagloop, ann: User, clock: Clock) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    finish(loop, ann, first, TAG)
    clock.move(days=3)
    finish(loop, ann, second)
    found = load(loop, ann)
    table = trends.series(found, {"Dress": [TAG]}, "day")
    assert table[["bucket", "n", "of", "share"]].to_numpy().tolist() == [
        ["2026-09-01", 1, 1, 1.0],
        ["2026-09-04", 0, 1, 0.0],
    ]
    assert table["low"].between(0, 1).all()
    assert (table["high"] - table["low"] > 0.7).all()  # one picture is weak evidence


def test_merged_tags_count_as_one_until_the_merge_is_undone(loop: Tagloop, ann: User, clock: Clock) -> None:
    first, second = ingest(loop, ann, RED, BLUE)
    finish(loop, ann, first, TAG)
    finish(loop, ann, second, OTHER)
    change_id = loop.curation.apply(ann, plans.merge(loop.taxonomy(), OTHER, TAG))

    def given() -> dict[str, int]:
        with loop.database.read() as connection:
            found = reader.of_tags(connection, DAYS, loop.taxonomy().redirects)
        return {tag_id: kinds["add"] for tag_id, kinds in found.items() if kinds["add"]}

    assert load(loop, ann).counts() == given() == {TAG: 2}
    loop.curation.undo(ann, change_id)
    assert load(loop, ann).counts() == given() == {TAG: 1, OTHER: 1}


def test_capture_days_follow_the_clock_of_the_camera(loop: Tagloop, ann: User, clock: Clock) -> None:
    (asset,) = ingest(loop, ann, RED)
    finish(loop, ann, asset, TAG)
    assert load(loop, ann, Basis.TAKEN).total == 0  # generated pictures have no capture time
    from sqlalchemy import update

    from tagging_core.ledger import replay, taxonomy_store
    from tagging_core.storage.schema import assets

    with loop.database.write() as connection:
        connection.execute(update(assets).values(taken_at=datetime(2026, 8, 20, 23, 59)))
        replay.recount(connection, "Asia/Tokyo", taxonomy_store.load(connection).redirects)
    found = load(loop, ann, Basis.TAKEN)
    assert list(found.pictures) == ["2026-08-20"]  # a camera's clock has no zone
    assert found.counts() == {TAG: 1}


def test_tag_co_occurrence_is_counted(loop: Tagloop, ann: User) -> None:
    first, second, third = ingest(loop, ann, RED, BLUE, (9, 9, 9))
    finish(loop, ann, first, TAG, "colour.red")
    finish(loop, ann, second, TAG, "colour.red")
    finish(loop, ann, third, TAG)
    with loop.database.read() as connection:
        table, looked_at = trends.together(connection, ann, loop.taxonomy())
    assert looked_at == 3
    assert (table.loc[TAG, TAG], table.loc["colour.red", "colour.red"], table.loc[TAG, "colour.red"]) == (3, 2, 2)


@given(
    first=st.dates(date(2024, 1, 1), date(2026, 1, 1)),
    length=st.integers(0, 800),
    day=st.dates(date(2023, 6, 1), date(2027, 1, 1)),
)
def test_months_and_single_days_add_up_to_the_period(first: date, length: int, day: date) -> None:
    period = Period(first, first + timedelta(days=length))
    text = day.isoformat()
    times = sum(
        low <= (text[:7] if subject.endswith(":month") else text) <= high
        for subject, low, high in reader._parts("all", period)
    )
    assert times == (period.first <= day <= period.last)


@pytest.mark.parametrize(
    ("by_hand", "measured", "hours"), [(None, True, 100 * 20 / 3600), (60.0, False, 100 * 50 / 3600)]
)
def test_savings_use_the_measured_time_unless_one_is_given(
    by_hand: float | None, measured: bool, hours: float
) -> None:
    found = ReviewTimes(MeanEstimate(100, 10.0, 9.0, 11.0), MeanEstimate(40, 30.0, 27.0, 33.0), 100)
    saved = productivity.estimate_savings(found, by_hand)
    assert saved is not None
    assert (saved.measured, saved.hours) == (measured, pytest.approx(hours))
    assert saved.low is not None
    assert saved.high is not None
    half = (saved.high - saved.low) / 2
    assert half == pytest.approx(100 * (10**0.5 if measured else 1.0) / 3600)


def test_too_few_blind_reviews_fall_back_to_the_default_time() -> None:
    saved = productivity.estimate_savings(
        ReviewTimes(MeanEstimate(100, 10.0, 9.0, 11.0), MeanEstimate(3, 500.0, None, None), 100)
    )
    assert saved is not None
    assert (saved.by_hand, saved.measured) == (productivity.BY_HAND, False)


@pytest.mark.parametrize(
    ("once", "saving", "cost", "months"), [(1000, 300, 100, 5), (0, 300, 100, 0), (1000, 100, 100, None)]
)
def test_months_to_break_even(once: float, saving: float, cost: float, months: float | None) -> None:
    assert productivity.months_to_break_even(once, saving, cost) == months
