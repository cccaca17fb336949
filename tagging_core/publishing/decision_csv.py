"""Import of decisions from CSV files."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from tagging_core.assets import repository
from tagging_core.common.csv_tables import read_table, read_yes_no
from tagging_core.errors import ImportRefusedError, SourceError, TaggingError
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.events import Kind
from tagging_core.review.decisions import Decision
from tagging_core.taxonomy.tag_lookup import TagLookup

_COLUMNS = ("asset", "tag", "applies")


def read_decisions(connection: Connection, path: Path, profile: str) -> list[Decision]:
    """Read a CSV file with the columns asset, tag and applies.

    Args:
        connection: A read transaction.
        path: The file; asset is an id or digits of the SHA-256, tag an id, name or alias, applies 1 or 0.
        profile: Profile of the decisions.

    Raises:
        SourceError: The file cannot be opened.
        ImportRefusedError: It is no such table, or has invalid lines; lists each of them.
    """
    try:
        table = read_table(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        found = ",".join(table.columns)
        problem = f"the column {missing[0]!r} is missing; expected {','.join(_COLUMNS)}, not {found}"
        raise ImportRefusedError({table.line: problem})
    if not table.rows:
        raise ImportRefusedError({table.line: f"there are no rows below the header {','.join(_COLUMNS)}"})
    lookup, decisions, problems = TagLookup(taxonomy_store.load(connection)), [], {}
    for row in table.rows:
        try:
            decisions.append(_read_row(connection, row.cells, lookup, profile=profile))
        except (ValueError, TaggingError) as error:
            problems[row.line] = str(error).rstrip(".")
    if problems:
        raise ImportRefusedError(problems)
    return decisions


def _read_row(connection: Connection, cells: dict[str, str], lookup: TagLookup, *, profile: str) -> Decision:
    needed = "needs asset, tag and applies (1 or 0)"
    if empty := [name for name in _COLUMNS if not cells[name]]:
        raise ValueError(f"{needed}; {empty[0]} is empty")
    try:
        kind = Kind.ADD if read_yes_no(cells["applies"]) else Kind.REJECT
    except ValueError as error:
        raise ValueError(f"{needed}; applies is {cells['applies']!r}: {error}") from error
    tag_id = lookup.find(cells["tag"]).id
    return Decision(kind, repository.resolve(connection, cells["asset"]).id, tag_id, profile=profile)
