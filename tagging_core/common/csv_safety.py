"""Protection against formula injection in CSV exports."""

from __future__ import annotations

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(cell: str) -> str:
    """Prefix a cell with an apostrophe if a spreadsheet would evaluate it as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
