"""CSV: what spreadsheets read and write."""

from __future__ import annotations

import csv
import io
from typing import Any

from tagging_core.common.csv_safety import _RISKY, escape_formula
from tagging_core.curation.formats.rows import File, Row, read_state, read_target
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Taxonomy

_SEPARATOR = "|"
_PLAIN = ("id", "category", "parent", "state", "merged_into", "sensitive", "target", "definition")


def write(taxonomy: Taxonomy) -> str:
    """One line a tag; several words in a cell are parted by |."""
    codes = sorted(
        {code for tag in taxonomy.tags.values() for code in (*tag.names, *tag.aliases)}, key=_english_first
    )
    columns = [*_PLAIN[:2], *(f"name_{c}" for c in codes), *(f"aliases_{c}" for c in codes), "prompts", *_PLAIN[2:]]
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
    """Read what a spreadsheet saved.

    Raises:
        ImportRefusedError: Names each bad line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), dialect=_dialect(text), strict=True)
    problems: dict[int, str] = {}
    rows: list[Row] = []
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        _check_head(head)
        line = reader.line_num + 1
        for cells in reader:
            try:
                if any(cell.strip() for cell in cells):
                    rows.append(_csv_row(line, head, cells))
            except ValueError as error:
                problems[line] = str(error)
            line = reader.line_num + 1
    except csv.Error as error:
        problems[reader.line_num] = f"no CSV from here on: {error}"
    if problems:
        raise ImportRefusedError(problems)
    return File(rows)


def _dialect(text: str) -> type[csv.Dialect]:
    """Commas, or semicolons or tabs where the header has more of them."""
    head = text.splitlines()[0] if text else ""

    class Found(csv.excel):
        delimiter = max(",;\t", key=head.count)

    return Found


def _check_head(head: list[str]) -> None:
    known = {*_PLAIN, "prompts"}
    odd = [name for name in head if name not in known and not name.startswith(("name_", "aliases_"))]
    if odd or "name_en" not in head or len(set(head)) != len(head):
        what = f"the column {odd[0]!r} is not known" if odd else "there is no column 'name_en', or one stands twice"
        expected = ", ".join([*_PLAIN[:2], "name_en", "name_zh", "aliases_en", "prompts", *_PLAIN[2:]])
        raise ImportRefusedError({1: f"{what}. The columns are {expected}; only name_en must be there"})


def _csv_row(line: int, head: list[str], cells: list[str]) -> Row:
    if len(cells) > len(head) and any(cell.strip() for cell in cells[len(head) :]):
        raise ValueError(f"{len(cells)} cells where the header has {len(head)}")
    given = dict(zip(head, (_plain(cell) for cell in cells), strict=False))
    given |= dict.fromkeys(head[len(cells) :], "")
    codes = {name.partition("_")[2] for name in head if name.startswith("aliases_")}
    return Row(
        line=line,
        id=given.get("id", ""),
        category=given.get("category", ""),
        names={name.removeprefix("name_"): value for name, value in given.items() if name.startswith("name_")},
        aliases={code: _parts(given[f"aliases_{code}"]) for code in codes} if codes else None,
        definition=given.get("definition"),
        prompts=_parts(given["prompts"]) if "prompts" in given else None,
        parent=given.get("parent"),
        state=read_state(given["state"]) if given.get("state") else None,
        merged_into=given.get("merged_into") or None,
        sensitive=_truth(given["sensitive"]) if "sensitive" in given else None,
        target=read_target(given["target"]) if given.get("target") else None,
    )


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_RISKY) else cell


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(_SEPARATOR) if part.strip()]


def _truth(value: str) -> bool:
    known = {"yes": True, "true": True, "1": True, "": False, "no": False, "false": False, "0": False}
    if value.lower() not in known:
        raise ValueError(f"'sensitive' is yes or no, not {value!r}")
    return known[value.lower()]


def _english_first(code: str) -> tuple[bool, str]:
    return code != "en", code
