"""Reading of tables that spreadsheet programs save as CSV, in the dialects that they write."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tagging_core.common.csv_safety import FORMULA_STARTS
from tagging_core.common.text_decoding import decode_text
from tagging_core.errors import ImportRefusedError, TextError

_DELIMITERS = ",;\t"
_SEP_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t]*\s*', re.IGNORECASE)  # tells Excel the delimiter
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # first bytes of .xlsx and .ods, and of .xls
_CONTROLS = {n: " " if chr(n).isspace() else None for n in (*range(32), *range(127, 160)) if chr(n) not in "\t\n\r"}
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u2060"))
_TRUE = {"1", "yes", "y", "true", "x", "wahr", "ja", "vrai", "oui", "是", "真"}
_FALSE = {"0", "no", "n", "false", "falsch", "nein", "faux", "non", "否", "假"}


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row that is not empty.

    Attributes:
        line: Line of the file that it begins in, from 1.
        cells: By column, the text of the cell without spaces around it.
    """

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        columns: The headings in lower case, with _ for spaces.
        line: Line of the headings.
        rows: The rows below the headings.
    """

    columns: list[str]
    line: int
    rows: list[TableRow]


def read_table(data: bytes) -> Table:
    """Read a table with headings.

    Args:
        data: The whole file, in any encoding of `decode_text`; cells are separated by commas, semicolons or tabs,
            or by what a first line `sep=` names.

    Returns:
        The table without empty rows, and without columns that have neither a heading nor a value.

    Raises:
        ImportRefusedError: The file is unreadable or has rows that do not fit the headings; lists each of them.
    """
    if data.startswith(_WORKBOOKS):
        raise ImportRefusedError({1: "this is a workbook, not CSV. Save the sheet as 'CSV UTF-8'"})
    try:
        lines = list(_split(decode_text(data).translate(_CONTROLS | _INVISIBLE)))
    except TextError as error:
        raise ImportRefusedError({error.line: error.problem}) from error
    if not lines:
        raise ImportRefusedError({1: "the file is empty; expected a line of column headings"})
    line, headings = lines[0]
    columns = ["_".join(name.lower().split()) for name in headings]
    if repeated := [name for n, name in enumerate(columns) if name and name in columns[:n]]:
        raise ImportRefusedError({line: f"the column {repeated[0]!r} is repeated"})
    problems: dict[int, str] = {}
    rows = []
    for number, cells in lines[1:]:
        stray = next((n for n, cell in enumerate(cells) if cell and (n >= len(columns) or not columns[n])), None)
        if stray is not None:
            problems[number] = f"the cell {cells[stray]!r} is in column {stray + 1}, which has no heading"
        padded = cells + [""] * len(columns)
        rows.append(TableRow(number, {name: cell for name, cell in zip(columns, padded, strict=False) if name}))
    if problems:
        raise ImportRefusedError(problems)
    return Table([name for name in columns if name], line, rows)


def _split(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty, with their numbers."""
    stream = io.StringIO(text, newline="")
    named = _SEP_LINE.fullmatch(stream.readline())
    before = 1 if named else 0
    if not named:
        stream.seek(0)

    class Detected(csv.excel):
        delimiter = named[1] if named else _find_delimiter(text)

    reader = csv.reader(stream, Detected, strict=True, skipinitialspace=True)
    line = before + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, [_clean(cell) for cell in cells]
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise TextError(f"invalid CSV: {error}", line) from error


def _find_delimiter(text: str) -> str:
    """Return the delimiter that is most frequent in the headings, outside quotes."""
    headings = re.search(rf"[^{_DELIMITERS}\s][^\r\n]*", re.sub(r'"[^"]*"', '""', text[:100_000]))
    return max(_DELIMITERS, key=(headings[0] if headings else text).count)


def _clean(cell: str) -> str:
    """Strip spaces, and the apostrophe that `escape_formula` adds."""
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def read_yes_no(cell: str) -> bool:
    """Read a truth value as spreadsheets in several languages write it, in either case.

    Raises:
        ValueError: It is none.
    """
    if cell.casefold() in _TRUE | _FALSE:
        return cell.casefold() in _TRUE
    raise ValueError("expected yes or no (or 1 or 0, TRUE or FALSE)")


def read_number(cell: str) -> float:
    """Read a number with a decimal point or comma, or a percentage.

    Raises:
        ValueError: It is none.
    """
    number = cell.removesuffix("%").strip().replace(",", ".")
    return float(number) / (100 if cell.endswith("%") else 1)
