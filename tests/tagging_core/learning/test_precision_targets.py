from __future__ import annotations

from tagging_core import Decision, Kind, Tagloop, User
from tests.conftest import ingest

TAG = "scene.beach"


def test_a_fresh_library_promises_nothing_and_says_why(loop: Tagloop) -> None:
    cut = loop.review.thresholds("travel", 0.95).of(TAG)
    assert cut.probability is None
    assert "Not enough history: 0 judged" in cut.reason


def test_enough_finished_pictures_earn_a_cut_and_undo_takes_it_away(loop: Tagloop, ann: User) -> None:
    reds = ingest(loop, ann, *[(200 + n % 50, 20 + n // 10, 30) for n in range(40)], profile="travel")
    blues = ingest(loop, ann, *[(20, 40, 150 + n) for n in range(40)], profile="travel")
    done = [Decision(Kind.DONE, a, profile="travel") for a in reds + blues]
    act = loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAG, profile="travel") for a in reds] + done)
    loop.model.library.settle()
    cut = loop.review.thresholds("travel", 0.9).of(TAG)
    assert cut.probability is not None
    assert cut.right >= 0.9 * cut.accepted
    loop.review.undo_group(ann, act.id)
    loop.model.library.settle()
    assert loop.review.thresholds("travel", 0.9).of(TAG).probability is None
