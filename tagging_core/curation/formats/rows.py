"""Parsed contents of an import file, independent of its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tagging_core.taxonomy.model import Category

_STATES = ("active", "proposed", "deprecated", "merged")


@dataclass(frozen=True, slots=True)
class Row:
    """One tag of a file; fields that are None or missing keep their present value.

    Attributes:
        line: Line number from 1; in JSON and SKOS the number of the tag.
        id: Empty if the file has none.
        uri: URI of the concept, which identifies a tag without an id; empty if the file has none.
        category: Id, URI or English name.
        parent: Id, URI or English name; empty for none.
        merged_into: Id or URI.
        notes: What of this row cannot be imported.
    """

    line: int
    id: str = ""
    category: str = ""
    names: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, list[str]] | None = None
    definition: str | None = None
    prompts: list[str] | None = None
    parent: str | None = None
    state: str | None = None
    merged_into: str | None = None
    own_prompts: dict[str, list[str]] | None = None
    sensitive: bool | None = None
    target: float | None = None
    uri: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A parsed file.

    Attributes:
        categories: Complete descriptions of categories, if the format has them.
        schemes: Categories of which the file knows the names and the id or URI, but no settings.
        unit: What `Row.line` counts: `line`, `tag` or `concept`.
    """

    rows: list[Row]
    categories: list[Category] = field(default_factory=list)
    schemes: list[Category] = field(default_factory=list)
    unit: str = "line"


def read_state(value: str) -> str:
    """Validate a tag's state.

    Raises:
        ValueError: There is no such state.
    """
    if value not in _STATES:
        raise ValueError(f"unknown state {value!r}; expected one of {', '.join(_STATES)}")
    return value


def read_target(value: Any) -> float:
    """Parse a precision target.

    Raises:
        ValueError: The value is not a number in [0.5, 1).
    """
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = -1.0
    if not 0.5 <= found < 1:
        raise ValueError(f"'target' must be a number from 0.5 to below 1, such as 0.97, not {value!r}")
    return found
