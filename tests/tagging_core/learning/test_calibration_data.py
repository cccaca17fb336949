from __future__ import annotations

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.learning import calibration_data
from tagging_core.learning.calibration import CalibrationData
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest

PROFILE = "travel"
TAG = "scene.beach"


def collect_data(loop: Tagloop) -> CalibrationData:
    loop.model.library.settle()
    taxonomy = loop.taxonomy()
    with loop.database.read() as connection:
        return calibration_data.collect(
            connection,
            taxonomy,
            loop.model.library.calibration.held_out(connection),
            nothing=loop.model.library.calibration.none_logits(taxonomy, loop.model.library.pack(connection)),
        )


def labels_of_tag(found: CalibrationData, tag_id: str) -> list[float]:
    if tag_id not in found.tag_ids:
        return []
    return sorted(found.labels[found.rows == found.tag_ids.index(tag_id)])


def test_a_decided_suggestion_is_calibration_data_immediately(loop: Tagloop, ann: User) -> None:
    (asset,) = ingest(loop, ann, RED, profile=PROFILE)
    shown = loop.review.suggest(asset, PROFILE)
    loop.review.decide(ann, Decision(Kind.REJECT, asset, shown[0].tag_id, profile=PROFILE, shown=shown))
    assert labels_of_tag(collect_data(loop), shown[0].tag_id) == [0]


def test_an_added_tag_is_calibration_data_only_after_the_review_is_finished(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, profile=PROFILE)
    loop.review.decide(ann, Decision(Kind.ADD, assets[0], TAG, profile=PROFILE))
    assert labels_of_tag(collect_data(loop), TAG) == []
    loop.review.decide(ann, Decision(Kind.DONE, assets[0], profile=PROFILE))
    assert labels_of_tag(collect_data(loop), TAG) == [1]
    loop.review.decide(ann, Decision(Kind.DONE, assets[1], profile=PROFILE))
    assert labels_of_tag(collect_data(loop), TAG) == [0, 1]


def test_all_tags_of_an_exclusive_category_are_calibrated_on_the_same_pictures(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, GREEN, BLUE, YELLOW)
    for asset, tag in zip(assets, ("garment.dress", "garment.hat", "garment.hat", None), strict=True):
        if tag:
            loop.review.decide(ann, Decision(Kind.ADD, asset, tag, profile="e-commerce"))
        loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))
    found = collect_data(loop)
    garments = [t for t in found.tag_ids if t.startswith("garment.")]
    assert len(garments) > 10
    assert {len(labels_of_tag(found, t)) for t in garments} == {4}
    assert labels_of_tag(found, "garment.hat") == [0, 0, 1, 1]
    assert labels_of_tag(found, "garment.skirt") == [0, 0, 0, 0]


def test_finished_reviews_lower_probabilities_where_no_tag_applies(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, *[(10 * n, 255 - 10 * n, 40) for n in range(20)], profile=PROFILE)
    before = loop.review.suggest(assets[-1], PROFILE)
    loop.review.decide_many(ann, [Decision(Kind.DONE, a, profile=PROFILE) for a in assets[:-1]])
    loop.model.library.settle()
    after = loop.review.suggest(assets[-1], PROFILE)
    assert sum(s.probability for s in after) < 0.6 * sum(s.probability for s in before)
