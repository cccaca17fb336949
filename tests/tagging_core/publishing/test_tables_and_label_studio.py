from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree as ET

import pytest

from tagging_core import Decision, Kind, TaggingError, Tagloop, User
from tagging_core.api import Operations
from tagging_core.publishing.exports import label_studio
from tagging_core.publishing.exports.exporter import Format, by_ids, export
from tagging_core.publishing.exports.tables import COLUMNS, to_csv
from tests.conftest import BLUE, RED, ingest


@pytest.fixture
def pictures(loop: Tagloop, ann: User) -> list[int]:
    red, blue = ingest(loop, ann, RED, BLUE)
    loop.review.decide(ann, Decision(Kind.ADD, red, "garment.dress", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.DONE, red, profile="e-commerce"))
    return [red, blue]


def export_text(loop: Tagloop, user: User, ids: list[int], form: Format, **options: object) -> str:
    return b"".join(export(Operations(loop, user).assets, by_ids(ids), form, **options)).decode("utf-8-sig")


def test_a_table_has_the_chosen_columns(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    rows = list(
        csv.DictReader(
            io.StringIO(export_text(loop, ann, pictures, Format.CSV, columns=["id", "tags", "decided_by"]))
        )
    )
    assert rows == [
        {"id": str(pictures[0]), "tags": "Dress", "decided_by": "Ann"},
        {"id": str(pictures[1]), "tags": "", "decided_by": ""},
    ]
    assert export_text(loop, ann, pictures, Format.CSV, columns=list(COLUMNS)).count("\n") == 3


def test_spreadsheet_formulas_are_escaped(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    (asset,) = Operations(loop, ann).assets.get_many(pictures[:1])
    evil = asset.model_copy(update={"name": '=HYPERLINK("http://evil")'})
    (row,) = csv.DictReader(io.StringIO("".join(to_csv([evil], ["name"])).lstrip("\ufeff")))
    assert row["name"].startswith("'=")


def test_json_contains_who_decided_and_when(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    first, _ = json.loads(export_text(loop, ann, pictures, Format.JSON))
    assert first["tags"][0] | {"at": "", "probability": None} == {
        "tag": "garment.dress",
        "name": "Dress",
        "category": "garment",
        "probability": None,
        "by": "Ann",
        "at": "",
    }
    lines = export_text(loop, ann, pictures, Format.JSONL).splitlines()
    assert [json.loads(line)["id"] for line in lines] == pictures
    assert json.loads(export_text(loop, ann, [], Format.JSON)) == []


def test_label_studio_tasks_have_predictions_and_annotations_and_can_be_imported(
    loop: Tagloop, ann: User, pictures: list[int]
) -> None:
    tasks = json.loads(export_text(loop, ann, pictures, Format.LABEL_STUDIO, image="https://dam/{id}"))
    done, open_ = tasks
    assert done["data"]["image"] == f"https://dam/{pictures[0]}"
    assert done["annotations"][0]["result"][0]["value"]["choices"] == ["garment.dress"]
    assert open_["annotations"] == []
    known = {choice.get("value") for choice in ET.fromstring(label_studio.config(loop.taxonomy())).iter("Choice")}
    assert set(open_["predictions"][0]["result"][0]["value"]["choices"]) <= known
    open_["annotations"] = [
        {"result": [], "was_cancelled": True, "updated_at": "2026-03-01"},
        {"result": done["annotations"][0]["result"], "updated_at": "2026-02-01"},
        {"result": [], "updated_at": "2026-01-01"},
    ]
    with loop.database.read() as connection:
        decisions = label_studio.read(connection, json.dumps([open_]), loop.taxonomy(), profile="e-commerce")
    loop.review.decide_many(ann, decisions)
    asset = Operations(loop, ann).assets.get(pictures[1])
    assert ([t.tag for t in asset.tags], asset.state) == (["garment.dress"], "done")


def test_an_invalid_label_studio_file_is_rejected_as_a_whole(loop: Tagloop, ann: User, pictures: list[int]) -> None:
    good = json.loads(export_text(loop, ann, pictures[:1], Format.LABEL_STUDIO))[0]
    bad = json.loads(json.dumps(good).replace("garment.dress", "garment.lost"))
    with loop.database.read() as connection:
        for wrong, message in (
            ("{", "not JSON"),
            ("{}", "list of tasks"),
            (json.dumps([good, bad]), "task 2.*lost"),
        ):
            with pytest.raises(TaggingError, match=message):
                label_studio.read(connection, wrong, loop.taxonomy(), profile="e-commerce")
