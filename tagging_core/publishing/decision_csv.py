"""Import of decisions from CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

from sqlalchemy import Connection

from tagging_core.assets import repository
from tagging_core.errors import SourceError, TaggingError
from tagging_core.ledger.events import Kind
from tagging_core.review.decisions import Decision

_KINDS = {"1": Kind.ADD, "0": Kind.REJECT}


def read_decisions(connection: Connection, path: Path, profile: str) -> list[Decision]:
    """Read a CSV file with the columns asset (id or digits of the SHA-256), tag (id) and applies (1 or 0).

    Raises:
        SourceError: The file cannot be read; names the first invalid line.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error
    if not rows:
        raise SourceError(f"{path} has no rows below its header asset,tag,applies.")
    return [
        _read_row(connection, row, f"{path}, line {line}", profile=profile)
        for line, row in enumerate(rows, start=2)
    ]


def _read_row(connection: Connection, row: dict[str, str], where: str, *, profile: str) -> Decision:
    kind = _KINDS.get((row.get("applies") or "").strip())
    if kind is None or not row.get("asset") or not row.get("tag"):
        raise SourceError(f"{where}: needs asset, tag and applies (1 or 0), not {dict(row)}.")
    try:
        asset = repository.resolve(connection, row["asset"].strip())
    except TaggingError as error:
        raise SourceError(f"{where}: {error}") from error
    return Decision(kind, asset.id, row["tag"].strip(), profile=profile)
