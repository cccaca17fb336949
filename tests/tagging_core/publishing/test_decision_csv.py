"""Decisions from a spreadsheet, as `teach` imports them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagging_core import Kind, Tagloop, User
from tagging_core.errors import ImportRefusedError, SourceError
from tagging_core.publishing.decision_csv import read_decisions
from tagging_core.review.decisions import Decision
from tests.conftest import BLUE, RED, ingest


def read(loop: Tagloop, path: Path, data: bytes) -> list[Decision]:
    path.write_bytes(data)
    with loop.database.read() as connection:
        return read_decisions(connection, path, "e-commerce")


@pytest.fixture
def picture(loop: Tagloop, ann: User) -> int:
    red, _ = ingest(loop, ann, RED, BLUE)
    return red


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ","), ("utf-8", ";"), ("utf-16", "\t"), ("cp1252", ";")]
)
def test_decisions_of_any_spreadsheet_are_read(
    loop: Tagloop, picture: int, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    values = {"TRUE": Kind.ADD, "Yes": Kind.ADD, "1": Kind.ADD, "WAHR": Kind.ADD, "False": Kind.REJECT}
    rows = [[str(picture), "garment.dress", value, "Jörg"] for value in values]
    table = [["Asset", " Tag", "Applies", "Prüfer"], *rows, ["", "", "", ""]]
    text = "\r\n".join(delimiter.join(row) for row in table)
    found = read(loop, tmp_path / "d.csv", text.encode(encoding))
    assert [(d.kind, d.asset_id, d.tag_id) for d in found] == [
        (kind, picture, "garment.dress") for kind in values.values()
    ]


def test_every_bad_line_is_reported_with_what_was_expected(loop: Tagloop, picture: int, tmp_path: Path) -> None:
    text = f"asset,tag,applies\n{picture},garment.dress,maybe\n77,garment.dress,1\n{picture},garment.toga,1\n,,1\n"
    with pytest.raises(ImportRefusedError) as caught:
        read(loop, tmp_path / "d.csv", text.encode())
    assert caught.value.problems == {
        2: "needs asset, tag and applies (1 or 0); applies is 'maybe': "
        "expected yes or no (or 1 or 0, TRUE or FALSE)",
        3: "There is no picture 77",
        4: "There is no tag 'garment.toga'",
        5: "needs asset, tag and applies (1 or 0); asset is empty",
    }


def test_tags_are_found_by_name(loop: Tagloop, picture: int, tmp_path: Path) -> None:
    (found,) = read(loop, tmp_path / "d.csv", f"asset,tag,applies\n{picture},dress,1\n".encode())
    assert found.tag_id == "garment.dress"


@pytest.mark.parametrize(
    ("text", "message"),
    [("asset,tag\n1,x\n", "'applies' is missing; expected asset,tag,applies, not asset,tag"), ("", "empty")],
)
def test_a_file_that_is_no_table_of_decisions_is_refused(
    loop: Tagloop, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        read(loop, tmp_path / "d.csv", text.encode())


def test_a_file_that_cannot_be_opened_is_refused(loop: Tagloop, tmp_path: Path) -> None:
    for path in (tmp_path / "lost.csv", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"), loop.database.read() as connection:
            read_decisions(connection, path, "e-commerce")
