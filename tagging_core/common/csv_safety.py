"""Cells that no spreadsheet takes for formulas."""

from __future__ import annotations

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(cell: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell
