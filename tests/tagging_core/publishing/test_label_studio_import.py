"""Import of what people annotated in Label Studio."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.api import Operations
from tagging_core.curation import plans
from tagging_core.errors import ImportRefusedError
from tagging_core.publishing.exports import label_studio
from tests.conftest import RED, ingest

BOX = {"x": 1, "y": 1, "width": 5, "height": 5}


@pytest.fixture
def picture(loop: Tagloop, ann: User) -> int:
    (red,) = ingest(loop, ann, RED)
    return red


def choices(*names: Any) -> list[dict[str, Any]]:
    return [{"from_name": "tags", "to_name": "image", "type": "choices", "value": {"choices": list(names)}}]


def task(picture: int, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 7, "data": {"image": "x", "asset": picture}, "annotations": list(annotations)}


def take(loop: Tagloop, user: User, *tasks: Any, profile: str = "e-commerce") -> int:
    """Import tasks and return how many events were written."""
    with loop.database.read() as connection:
        wanted = label_studio.read(connection, json.dumps(tasks), loop.taxonomy(), profile=profile)
    return len(loop.review.decide_many(user, wanted).event_ids)


def found(loop: Tagloop, user: User, picture: int) -> tuple[list[str], str]:
    asset = Operations(loop, user).assets.get(picture)
    return sorted(tag.tag for tag in asset.tags), asset.state


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("choices", {"choices": ["garment.dress"]}),
        ("choices", {"choices": ["Dress"]}),
        ("choices", {"choices": ["DRESS", "连衣裙"]}),
        ("choices", {"choices": [["Garment type", "Dress"]]}),
        ("taxonomy", {"taxonomy": [["Garment type", "Dress"]]}),
        ("taxonomy", {"taxonomy": [["Anything", "Else", "garment.dress"]]}),
        ("rectanglelabels", BOX | {"rectanglelabels": ["Dress"]}),
        ("polygonlabels", {"points": [[1, 2], [3, 4], [5, 6]], "polygonlabels": ["Dress"]}),
        ("brushlabels", {"format": "rle", "rle": [0, 1], "brushlabels": ["Dress"]}),
        ("keypointlabels", {"x": 1, "y": 1, "keypointlabels": ["Dress"]}),
        ("ellipselabels", {"x": 1, "y": 1, "ellipselabels": ["Dress"]}),
        ("labels", BOX | {"labels": ["Dress"]}),
    ],
)
def test_every_control_that_names_tags_is_read(
    loop: Tagloop, ann: User, picture: int, kind: str, value: dict[str, Any]
) -> None:
    take(loop, ann, task(picture, {"result": [{"type": kind, "value": value}]}))
    assert found(loop, ann, picture) == (["garment.dress"], "done")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("rectangle", BOX),
        ("rectanglelabels", BOX),
        ("rectanglelabels", BOX | {"rectanglelabels": []}),
        ("brush", {"format": "rle", "rle": [0, 1]}),
        ("rating", {"rating": 4}),
        ("textarea", {"text": ["Dress"]}),
        ("number", {"number": 3}),
        ("ranker", {"ranker": {"best": ["Dress"]}}),
        ("pairwise", {"selected": "left"}),
        ("relation", None),
    ],
)
def test_an_answer_without_tags_is_refused_and_never_makes_a_picture_done(
    loop: Tagloop, ann: User, picture: int, kind: str, value: dict[str, Any] | None
) -> None:
    with pytest.raises(ImportRefusedError, match=f"task 1: its annotation names no tags, but has .* {kind}"):
        take(loop, ann, task(picture, {"result": [{"type": kind, "value": value}]}))
    assert found(loop, ann, picture) == ([], "new")


def test_a_comment_beside_choices_does_not_matter(loop: Tagloop, ann: User, picture: int) -> None:
    comment = {"type": "textarea", "value": {"text": ["torn"]}}
    take(loop, ann, task(picture, {"result": [*choices("Dress"), comment]}))
    assert found(loop, ann, picture) == (["garment.dress"], "done")


@pytest.mark.parametrize("result", [[], choices()])
def test_a_submitted_empty_answer_says_that_no_tag_applies(
    loop: Tagloop, ann: User, picture: int, result: list[Any]
) -> None:
    take(loop, ann, task(picture, {"result": result}))
    assert found(loop, ann, picture) == ([], "done")


def test_the_annotation_submitted_last_counts(loop: Tagloop, ann: User, picture: int) -> None:
    annotations: list[dict[str, Any]] = [
        {"result": choices("Dress"), "updated_at": "2026-02-01T10:00:00.5Z"},
        {"result": choices("Skirt"), "updated_at": "2026-02-01T10:00:00Z", "completed_by": 2},
        {"result": choices("Hat"), "updated_at": "2026-02-01T11:30:00+02:00"},
        {"result": choices("Coat"), "updated_at": "2026-03-01T10:00:00Z", "was_cancelled": True},
    ]
    drafts = {"drafts": [{"result": choices("Coat")}], "predictions": [{"result": choices("Coat")}]}
    take(loop, ann, task(picture, *annotations) | drafts)
    assert found(loop, ann, picture) == (["garment.dress"], "done")


def test_of_annotations_without_a_date_the_last_in_the_file_counts(loop: Tagloop, ann: User, picture: int) -> None:
    one = task(picture, {"result": choices("Dress")}, {"result": choices("Skirt")})
    take(loop, ann, one, task(picture, {"result": choices("Hat")}))
    assert found(loop, ann, picture) == (["garment.hat"], "done")


def test_tasks_that_nobody_submitted_write_nothing(loop: Tagloop, ann: User, picture: int) -> None:
    cancelled = {"result": choices("Dress"), "was_cancelled": True}
    predicted = {"data": {"asset": picture}, "predictions": [{"result": choices("Dress")}]}
    assert take(loop, ann, task(picture), task(picture, cancelled), predicted) == 0
    assert found(loop, ann, picture) == ([], "new")


def test_exports_of_versions_before_1_0_are_read(loop: Tagloop, ann: User, picture: int) -> None:
    skipped = {"result": [], "skipped": True, "created_at": 1_600_000_100}
    old = {"result": choices("Dress"), "created_at": 1_600_000_000}
    take(loop, ann, {"id": 3, "data": {"asset": picture}, "completions": [old, skipped]})
    assert found(loop, ann, picture) == (["garment.dress"], "done")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"image": "x", "asset": 1, "tags": {"choices": ["Dress"]}, "annotation_id": 5}, "not as JSON-MIN"),
        ({"image": "x", "asset": 1, "tags": "Dress", "annotator": 1}, "not as JSON-MIN"),
        ({"data": {"image": "x"}, "annotations": [{"result": choices("Dress")}]}, "expected data with an asset"),
        ({"data": {"asset": 1}, "annotations": [5]}, "not a task"),
        ({"data": {"asset": 1}, "annotations": [{"result": None}]}, "not a task"),
        ("Dress", "not as JSON-MIN"),
        (5, "not a task"),
    ],
)
def test_other_files_are_refused(loop: Tagloop, ann: User, picture: int, bad: Any, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message) as caught:
        take(loop, ann, task(picture, {"result": choices("Dress")}), bad)
    assert caught.value.problems.keys() == {2}
    assert found(loop, ann, picture) == ([], "new")


def test_every_unknown_choice_is_named(loop: Tagloop, ann: User, picture: int) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        take(loop, ann, *(task(picture, {"result": choices("Dress", *x)}) for x in (["Toga"], ["Peplos", "Fez"])))
    assert caught.value.problems == {
        1: "There is no tag 'Toga'",
        2: "There is no tag 'Peplos'; There is no tag 'Fez'",
    }


def test_a_tag_removed_there_is_removed_here(loop: Tagloop, ann: User, picture: int) -> None:
    for tag_id in ("garment.dress", "colour.red"):
        loop.review.decide(ann, Decision(Kind.ADD, picture, tag_id, profile="e-commerce"))
    take(loop, ann, task(picture, {"result": choices("Red"), "updated_at": "2026-01-01T00:00:00Z"}))
    assert found(loop, ann, picture) == (["colour.red"], "done")
    take(loop, ann, task(picture, {"result": [], "updated_at": "2026-01-02T00:00:00Z"}))
    assert found(loop, ann, picture) == ([], "done")


def test_a_tag_that_could_not_be_chosen_there_stays(loop: Tagloop, ann: User, picture: int) -> None:
    loop.review.decide(ann, Decision(Kind.ADD, picture, "garment.hat", profile="e-commerce"))
    loop.curation.apply(ann, plans.set_state(loop.taxonomy(), "garment.hat", "deprecated"))
    take(loop, ann, task(picture, {"result": choices("Dress")}))
    assert found(loop, ann, picture) == (["garment.dress", "garment.hat"], "done")


def test_importing_a_file_again_writes_no_event(loop: Tagloop, ann: User, picture: int) -> None:
    annotated = task(picture, {"result": choices("Dress"), "updated_at": "2026-01-01T00:00:00Z"})
    assert take(loop, ann, annotated) == 2
    assert take(loop, ann, annotated) == 0
    loop.review.decide(ann, Decision(Kind.REJECT, picture, "garment.dress", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.ADD, picture, "garment.skirt", profile="e-commerce"))
    assert take(loop, ann, annotated) == 0  # what was decided here since then stands
    assert found(loop, ann, picture)[0] == ["garment.skirt"]


def test_an_import_that_was_undone_can_be_repeated(loop: Tagloop, ann: User, picture: int) -> None:
    annotated = task(picture, {"result": choices("Dress")})
    with loop.database.read() as connection:
        wanted = label_studio.read(connection, json.dumps([annotated]), loop.taxonomy(), profile="e-commerce")
    group = loop.review.decide_many(ann, wanted)
    loop.review.undo_group(ann, group.id)
    assert found(loop, ann, picture) == ([], "new")
    assert take(loop, ann, annotated) == 2
    assert found(loop, ann, picture) == (["garment.dress"], "done")


def test_an_unchanged_round_trip_writes_nothing(loop: Tagloop, ann: User, picture: int) -> None:
    loop.review.decide(ann, Decision(Kind.ADD, picture, "garment.dress", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.DONE, picture, profile="e-commerce"))
    asset = Operations(loop, ann).assets.get(picture)
    assert take(loop, ann, label_studio.task(asset, [], "tiny", image="x")) == 0
