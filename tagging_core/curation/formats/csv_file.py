"""CSV import and export, for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from tagging_core.common.csv_safety import escape_formula
from tagging_core.common.csv_tables import Table, TableRow, read_number, read_table, read_yes_no
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


def read(data: bytes) -> File:
    """Parse CSV.

    Raises:
        ImportRefusedError: Lists each invalid line.
    """
    table = read_table(data)
    _check_columns(table)
    problems: dict[int, str] = {}
    rows: list[Row] = []
    for row in table.rows:
        try:
            rows.append(_read_row(row))
        except ValueError as error:
            problems[row.line] = str(error)
    if problems:
        raise ImportRefusedError(problems)
    return File(rows)


def _check_columns(table: Table) -> None:
    known = {*_FIXED, "prompts"}
    unknown = [name for name in table.columns if name not in known and not name.startswith(("name_", "aliases_"))]
    if unknown or "name_en" not in table.columns:
        problem = f"unknown column {unknown[0]!r}" if unknown else "the column 'name_en' is missing"
        expected = ", ".join([*_FIXED[:2], "name_en", "name_zh", "aliases_en", "prompts", *_FIXED[2:]])
        raise ImportRefusedError({table.line: f"{problem}. The columns are {expected}; only name_en is required"})


def _read_row(row: TableRow) -> Row:
    cells = row.cells
    codes = {name.partition("_")[2] for name in cells if name.startswith("aliases_")}
    return Row(
        line=row.line,
        id=cells.get("id", ""),
        category=cells.get("category", ""),
        names={name.removeprefix("name_"): cell for name, cell in cells.items() if name.startswith("name_")},
        aliases={code: _split(cells[f"aliases_{code}"]) for code in codes} if codes else None,
        definition=cells.get("definition"),
        prompts=_split(cells["prompts"]) if "prompts" in cells else None,
        parent=cells.get("parent"),
        state=read_state(cells["state"].lower()) if cells.get("state") else None,
        merged_into=cells.get("merged_into") or None,
        sensitive=_read_sensitive(cells["sensitive"]) if "sensitive" in cells else None,
        target=_read_target(cells["target"]) if cells.get("target") else None,
    )


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(_SEPARATOR) if part.strip()]


def _read_sensitive(cell: str) -> bool:
    try:
        return bool(cell) and read_yes_no(cell)
    except ValueError as error:
        raise ValueError(f"'sensitive' is {cell!r}; {error}") from error


def _read_target(cell: str) -> float:
    try:
        return read_target(read_number(cell))
    except ValueError:
        return read_target(cell)  # raises, with the cell as it is


def _english_first(code: str) -> tuple[bool, str]:
    return code != "en", code
