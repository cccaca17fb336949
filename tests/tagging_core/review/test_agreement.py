"""What an editor is told about their own work: agreement with independent reviews, and recurring differences."""

from __future__ import annotations

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.ledger import Look
from tagging_core.review.agreement import Hint
from tagging_core.review.sampling import SamplingRates
from tests.conftest import ingest

DRESS, SKIRT, RED = "garment.dress", "garment.skirt", "colour.red"
COLOURS = [(20 * n, 30, 200 - 20 * n) for n in range(8)]


@pytest.fixture
def assets(loop: Tagloop, ann: User) -> list[int]:
    loop.review.rates = SamplingRates(blind=0, second=1)
    return ingest(loop, ann, *COLOURS)


@pytest.fixture
def bob() -> User:
    return local_user("Bob")


def review(loop: Tagloop, user: User, asset: int, *tags: str, look: Look | None = None) -> int:
    for tag in tags:
        loop.review.decide(user, Decision(Kind.ADD, asset, tag, profile="e-commerce", look=look))
    return loop.review.decide(user, Decision(Kind.DONE, asset, profile="e-commerce", look=look))


def test_second_opinions_count_for_both_reviewers(loop: Tagloop, ann: User, bob: User, assets: list[int]) -> None:
    for asset in assets[:4]:
        review(loop, ann, asset, DRESS, RED)
        review(loop, bob, asset, SKIRT, RED, look=Look.SECOND)
    for user, confused in ((ann, (DRESS, SKIRT)), (bob, (SKIRT, DRESS))):
        found = loop.review.record.agreement(user)
        assert found is not None
        assert (found.pictures, found.share) == (4, pytest.approx(1 / 3))
        assert found.low < found.share < found.high
        assert found.hints == [Hint("confused", confused, 4)]


def test_a_category_left_out_again_and_again_is_a_hint(
    loop: Tagloop, ann: User, bob: User, assets: list[int]
) -> None:
    for asset in assets[:3]:
        review(loop, ann, asset, DRESS)
        review(loop, bob, asset, DRESS, RED, look=Look.SECOND)
    (ann_hints, bob_hints) = (loop.review.record.agreement(user) for user in (ann, bob))
    assert ann_hints is not None
    assert ann_hints.hints == [Hint("missed", ("colour",), 3)]
    assert bob_hints is not None
    assert bob_hints.hints == [Hint("extra", (RED,), 3)]


def test_known_pictures_count_for_whoever_looked_again(
    loop: Tagloop, ann: User, bob: User, assets: list[int]
) -> None:
    loop.review.rates = SamplingRates(blind=0)
    for asset in assets[:3]:
        review(loop, ann, asset, DRESS)
        review(loop, bob, asset, DRESS, look=Look.KNOWN)
    found = loop.review.record.agreement(bob)
    assert found is not None
    assert (found.share, found.hints) == (1, [])


def test_nothing_is_said_of_few_pictures_or_of_reviews_that_were_undone(
    loop: Tagloop, ann: User, bob: User, assets: list[int]
) -> None:
    events = []
    for asset in assets[:3]:
        review(loop, ann, asset, DRESS)
        events.append(review(loop, bob, asset, DRESS, look=Look.SECOND))
    assert loop.review.record.agreement(bob) is not None
    loop.review.undo(bob, events[0])
    assert loop.review.record.agreement(bob) is None
    assert loop.review.record.agreement(local_user("Cid")) is None
