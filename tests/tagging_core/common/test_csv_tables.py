"""Reading of the CSV dialects that spreadsheet programs write."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core.common.csv_tables import read_number, read_table, read_yes_no
from tagging_core.errors import ImportRefusedError

CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).filter(lambda cell: cell[0] != "'")
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1)


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, str]:
    return {
        "delimiter": draw(st.sampled_from(",;\t")),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "end": draw(st.sampled_from(["", ",", ",,,"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        "sep": draw(st.sampled_from(["", "sep=", "SEP="])),
    }


def save(rows: list[list[str]], dialect: dict[str, str]) -> bytes:
    """Write a table as a spreadsheet program would."""
    out, delimiter = io.StringIO(), dialect["delimiter"]
    writer = csv.writer(out, delimiter=delimiter, lineterminator=dialect["lineterminator"])
    writer.writerows([*row, *("" for _ in dialect["end"])] for row in rows)
    first = f"{dialect['sep']}{delimiter}{dialect['lineterminator']}" if dialect["sep"] else ""
    return (first + out.getvalue()).encode(dialect["encoding"])


@given(ROWS, dialects())
def test_every_dialect_gives_the_same_table(rows: list[list[str]], dialect: dict[str, str]) -> None:
    table = read_table(save([["Asset ", " Tag", "Merged into"], *rows, ["", " ", ""]], dialect))
    assert table.columns == ["asset", "tag", "merged_into"]
    assert [list(row.cells.values()) for row in table.rows] == rows


@given(st.binary(max_size=300))
def test_no_file_is_read_with_an_unexpected_error(data: bytes) -> None:
    try:
        table = read_table(data)
    except ImportRefusedError:
        return
    assert all(row.cells.keys() == set(table.columns) for row in table.rows)


@given(st.text("\0\x01\x07\x1a\x7f\ufeff\u200b"), st.text("\0\x02\x9f\u2060"))
def test_invisible_characters_are_removed(before: str, within: str) -> None:
    (row,) = read_table(f"tag\n{before}dr{within}ess{before}\n".encode()).rows
    assert row.cells == {"tag": "dress"}


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        pytest.param('a,b\n"x\ny",z\n\n1,2\n', ["a", "b"], {2: ["x\ny", "z"], 5: ["1", "2"]}, id="quoted newline"),
        pytest.param("\n;;\na;b\n1;0,97\n", ["a", "b"], {4: ["1", "0,97"]}, id="empty lines first"),
        pytest.param('"sep=;"\na;b\n1;2\n', ["a", "b"], {3: ["1", "2"]}, id="quoted sep="),
        pytest.param("sep=|\na|b\n1|2,3\n", ["a", "b"], {3: ["1", "2,3"]}, id="sep= with another delimiter"),
        pytest.param("sep=\t\na\tb\n1\t2\n", ["a", "b"], {3: ["1", "2"]}, id="sep= with a tab"),
        pytest.param(
            '"a,x";b\n1;2\n', ["a,x", "b"], {2: ["1", "2"]}, id="delimiters within quotes are not counted"
        ),
        pytest.param('a, b\n1, "2, 3"\n', ["a", "b"], {2: ["1", "2, 3"]}, id="spaces after commas"),
        pytest.param("a,,b\n1,,2\n", ["a", "b"], {2: ["1", "2"]}, id="an empty column in the middle"),
        pytest.param("a,b\n1\n", ["a", "b"], {2: ["1", ""]}, id="a short row"),
        pytest.param("a\n'=1+1\n'quoted'\n", ["a"], {2: ["=1+1"], 3: ["'quoted'"]}, id="an escaped formula"),
        pytest.param("a\r1\r2\r", ["a"], {2: ["1"], 3: ["2"]}, id="line ends of old Macs"),
        pytest.param("a\n1\n\x1a", ["a"], {2: ["1"]}, id="end-of-file mark of DOS"),
    ],
)
def test_a_table_has_its_cells_and_line_numbers(text: str, columns: list[str], rows: dict[int, list[str]]) -> None:
    table = read_table(text.encode())
    assert table.columns == columns
    assert {row.line: list(row.cells.values()) for row in table.rows} == rows


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (b"", {1: "the file is empty"}),
        (b"\n;;;\n", {1: "the file is empty"}),
        (b"a,A\n1,2\n", {1: "the column 'a' is repeated"}),
        (b"a,b\n1,2,3\n4,5\n6,7,,8\n", {2: "the cell '3' is in column 3", 4: "the cell '8' is in column 4"}),
        (b"sep=;\na;;b\n1;2;3\n", {3: "the cell '2' is in column 2, which has no heading"}),
        (b'a,b\n1,2\n"open,3\n', {3: "invalid CSV"}),
        ("a,b\n1,2\n".encode("utf-16")[:-1], {2: "the UTF-16 file ends in the middle of a character"}),
        (b"PK\x03\x04...", {1: "this is a workbook, not CSV"}),
    ],
)
def test_bad_lines_are_refused_with_their_numbers(data: bytes, problems: dict[int, str]) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read_table(data)
    assert caught.value.problems.keys() == problems.keys()
    assert all(caught.value.problems[line].startswith(text) for line, text in problems.items())


@pytest.mark.parametrize(
    ("cell", "value"),
    [(cell, True) for cell in ("TRUE", "Yes", "1", "WAHR", "x")] + [(cell, False) for cell in ("FALSE", "no", "0")],
)
def test_truth_values_are_read(cell: str, value: bool) -> None:
    assert read_yes_no(cell) is value


@pytest.mark.parametrize("cell", ["maybe", "", "2"])
def test_other_words_are_no_truth_value(cell: str) -> None:
    with pytest.raises(ValueError, match="expected yes or no"):
        read_yes_no(cell)


@given(st.integers(0, 10_000))
def test_numbers_have_a_point_a_comma_or_a_percent_sign(n: int) -> None:
    assert read_number(f"{n / 10_000:.4f}") == read_number(f"{n / 10_000:.4f}".replace(".", ",")) == n / 10_000
    assert read_number(f"{n / 100:.2f} %".replace(".", ",")) == pytest.approx(n / 10_000)
