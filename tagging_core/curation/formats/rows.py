"""What a file of tags says, whatever its form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tagging_core.taxonomy.model import Category

_STATES = ("active", "proposed", "deprecated", "merged")


@dataclass(frozen=True, slots=True)
class Row:
    """One tag of a file; what the file does not speak of is absent, and left as it is.

    Attributes:
        line: Where it stands; in JSON and SKOS the number of the tag.
        id: Empty if the file gives none.
        category: Id or English name.
        parent: Id or English name; empty for none.
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


@dataclass(frozen=True, slots=True)
class File:
    """What a file says; `categories` only where it describes them itself."""

    rows: list[Row]
    categories: list[Category] = field(default_factory=list)


def read_state(value: str) -> str:
    """A tag's state as a file names it.

    Raises:
        ValueError: There is no such state.
    """
    if value not in _STATES:
        raise ValueError(f"the state {value!r} is none of {', '.join(_STATES)}")
    return value


def read_target(value: Any) -> float:
    """A wanted precision as a file names it.

    Raises:
        ValueError: It is no number, or out of range.
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = -1.0
    if not 0.5 <= found < 1:
        raise ValueError(f"'target' is a share from 0.5 to below 1, such as 0.97, not {value!r}")
    return found
