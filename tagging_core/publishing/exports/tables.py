"""Assets as rows of a CSV table, or as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

from tagging_core.common.csv_safety import escape_formula
from tagging_core.errors import SearchError
from tagging_core.publishing.schemas import Asset

COLUMNS: dict[str, Callable[[Asset], object]] = {
    "id": lambda a: a.id,
    "sha256": lambda a: a.sha256,
    "name": lambda a: a.name,
    "state": lambda a: a.state,
    "tags": lambda a: "|".join(t.name for t in a.tags),
    "tag_ids": lambda a: "|".join(t.tag for t in a.tags),
    "probabilities": lambda a: "|".join("" if t.probability is None else f"{t.probability:.4f}" for t in a.tags),
    "decided_by": lambda a: "|".join(t.by for t in a.tags),
    "decided_at": lambda a: "|".join(t.at.isoformat() for t in a.tags),
    "title": lambda a: a.description.title,
    "caption": lambda a: a.description.caption,
    "alt": lambda a: a.description.alt,
    "text_title": lambda a: a.text.title,
    "text_caption": lambda a: a.text.caption,
    "format": lambda a: a.format,
    "width": lambda a: a.width,
    "height": lambda a: a.height,
    "bytes": lambda a: a.bytes,
    "taken_at": lambda a: a.taken_at.isoformat() if a.taken_at else "",
    "created_at": lambda a: a.created_at.isoformat(),
}
"""Columns of a table; several tags share one cell, separated by `|`."""

USUAL = ("id", "name", "state", "tags", "tag_ids", "probabilities", "decided_by", "decided_at", "title", "alt")


def check_columns(columns: Sequence[str]) -> None:
    """Check that columns exist.

    Raises:
        SearchError: A column does not exist; lists the known ones.
    """
    if unknown := [name for name in columns if name not in COLUMNS]:
        raise SearchError(f"There is no column {unknown[0]!r}; choose from {', '.join(COLUMNS)}.")


def row(asset: Asset, columns: Sequence[str]) -> dict[str, object]:
    """Return the cells of an asset by column."""
    return {name: COLUMNS[name](asset) for name in columns}


def to_csv(assets: Iterable[Asset], columns: Sequence[str] = USUAL) -> Iterator[str]:
    """Yield the lines of a CSV file for spreadsheets: UTF-8 with BOM, header first, formulas escaped."""
    check_columns(columns)
    yield "\ufeff" + _line(columns)
    for asset in assets:
        yield _line([escape_formula(str(value)) for value in row(asset, columns).values()])


def to_jsonl(assets: Iterable[Asset]) -> Iterator[str]:
    """Yield one JSON object per line."""
    for asset in assets:
        yield asset.model_dump_json() + "\n"


def to_json(assets: Iterable[Asset]) -> Iterator[str]:
    """Yield the chunks of a JSON list."""
    before = "[\n"
    for asset in assets:
        yield before + json.dumps(asset.model_dump(mode="json"), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
