"""CSV import and export, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from tagging_core.common.csv_safety import FORMULA_STARTS, escape_formula
from tagging_core.curation.formats.rows import File, Row, read_state, read_target
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Taxonomy

_SEPARATOR = "|"
_FIXED = ("id", "category", "parent", "state", "merged_into", "sensitive", "target", "definition")


def write(taxonomy: Taxonomy) -> str:
    """Return CSV with one line per tag; several words in a cell are separated by |."""
    codes = sorted(
        {code for tag in taxonomy.tags.values() for code in (*tag.names, *tag.aliases)}, key=_english_first
    )
    columns = [*_FIXED[:2], *(f"name_{c}" for c in codes), *(f"aliases_{c}" for c in codes), "prompts", *_FIXED[2:]]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    for tag in taxonomy.tags.values():
        row: dict[str, Any] = {"id": tag.id, "category": tag.category_id, "prompts": _SEPARATOR.join(tag.prompts)}
        row |= {f"name_{code}": name for code, name in tag.names.items()}
        row |= {f"aliases_{code}": _SEPARATOR.join(words) for code, words in tag.aliases.items()}
        row |= {"parent": tag.parent_id or "", "state": tag.state, "merged_into": tag.merged_into or ""}
        row |= {
            "sensitive": "yes" if tag.sensitive else "",
            "target": tag.target or "",
            "definition": tag.definition,
        }
        writer.writerow({name: escape_formula(str(value)) for name, value in row.items()})
    return out.getvalue()


def read(text: str) -> File:
    """Parse CSV.

    Raises:
        ImportRefusedError: Lists each invalid line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), dialect=_dialect(text), strict=True)
    problems: dict[int, str] = {}
    rows: list[Row] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        line = reader.line_num + 1
        for cells in reader:
            try:
                if any(cell.strip() for cell in cells):
                    rows.append(_csv_row(line, header, cells))
            except ValueError as error:
                problems[line] = str(error)
            line = reader.line_num + 1
    except csv.Error as error:
        problems[reader.line_num] = f"invalid CSV: {error}"
    if problems:
        raise ImportRefusedError(problems)
    return File(rows)


def _dialect(text: str) -> type[csv.Dialect]:
    """Detect the delimiter: whichever of comma, semicolon and tab is most frequent in the header."""
    header = text.splitlines()[0] if text else ""

    class Detected(csv.excel):
        delimiter = max(",;\t", key=header.count)

    return Detected


def _check_header(header: list[str]) -> None:
    known = {*_FIXED, "prompts"}
    unknown = [name for name in header if name not in known and not name.startswith(("name_", "aliases_"))]
    if unknown or "name_en" not in header or len(set(header)) != len(header):
        missing = "the column 'name_en' is missing, or a column is repeated"
        problem = f"unknown column {unknown[0]!r}" if unknown else missing
        expected = ", ".join([*_FIXED[:2], "name_en", "name_zh", "aliases_en", "prompts", *_FIXED[2:]])
        raise ImportRefusedError({1: f"{problem}. The columns are {expected}; only name_en is required"})


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        raise ValueError(f"{len(cells)} cells, but the header has {len(header)}")
    values = dict(zip(header, (_unescape_formula(cell) for cell in cells), strict=False))
    values |= dict.fromkeys(header[len(cells) :], "")
    codes = {name.partition("_")[2] for name in header if name.startswith("aliases_")}
    return Row(
        line=line,
        id=values.get("id", ""),
        category=values.get("category", ""),
        names={name.removeprefix("name_"): value for name, value in values.items() if name.startswith("name_")},
        aliases={code: _split(values[f"aliases_{code}"]) for code in codes} if codes else None,
        definition=values.get("definition"),
        prompts=_split(values["prompts"]) if "prompts" in values else None,
        parent=values.get("parent"),
        state=read_state(values["state"]) if values.get("state") else None,
        merged_into=values.get("merged_into") or None,
        sensitive=_parse_bool(values["sensitive"]) if "sensitive" in values else None,
        target=read_target(values["target"]) if values.get("target") else None,
    )


def _unescape_formula(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(_SEPARATOR) if part.strip()]


def _parse_bool(value: str) -> bool:
    known = {"yes": True, "true": True, "1": True, "": False, "no": False, "false": False, "0": False}
    if value.lower() not in known:
        raise ValueError(f"'sensitive' must be yes or no, not {value!r}")
    return known[value.lower()]


def _english_first(code: str) -> tuple[bool, str]:
    return code != "en", code
