from __future__ import annotations

from tagging_core import Decision, Kind, Tagloop, User
from tests.conftest import ingest

TAG = "scene.beach"


def test_a_new_library_has_no_threshold_and_says_why(loop: Tagloop) -> None:
    threshold = loop.review.thresholds("travel", 0.95).of(TAG)
    assert threshold.probability is None
    assert "Not enough history: 0 judged" in threshold.reason


def test_enough_finished_pictures_yield_a_threshold_and_undo_removes_it(loop: Tagloop, ann: User) -> None:
    reds = ingest(loop, ann, *[(200 + n % 50, 20 + n // 10, 30) for n in range(40)], profile="travel")
    blues = ingest(loop, ann, *[(20, 40, 150 + n) for n in range(40)], profile="travel")
    done = [Decision(Kind.DONE, a, profile="travel") for a in reds + blues]
    group = loop.review.decide_many(ann, [Decision(Kind.ADD, a, TAG, profile="travel") for a in reds] + done)
    loop.model.library.settle()
    threshold = loop.review.thresholds("travel", 0.9).of(TAG)
    assert threshold.probability is not None
    assert threshold.right >= 0.9 * threshold.accepted
    loop.review.undo_group(ann, group.id)
    loop.model.library.settle()
    assert loop.review.thresholds("travel", 0.9).of(TAG).probability is None
