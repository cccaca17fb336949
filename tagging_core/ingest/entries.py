"""Entries: the files of a batch, before they are queued."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tagging_core.assets.repository import AssetText, safe_name
from tagging_core.common.encodings import decode_name

_URI = "file://"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to ingest.

    Attributes:
        source: Its path as of `source_of`, or its blob name if it is staged; empty if it was refused.
        staged: Whether it is a copy that is removed after ingest.
        name: The client's file name, for display only.
        text: Title, caption and body that came with it.
        reason: Why it was refused; empty if it was not.
    """

    source: str
    staged: bool
    name: str
    text: AssetText = field(default_factory=AssetText)
    reason: str = ""


def refused(name: str, reason: str) -> Entry:
    """Return the entry of a file that is not ingested."""
    return Entry("", False, safe_name(name), reason=reason)


def title(entries: Sequence[Entry]) -> str:
    """Return a default name for a batch."""
    first = entries[0].name if entries else "Nothing"
    return first if len(entries) == 1 else f"{first} and {len(entries) - 1} more"


def source_of(path: Path) -> str:
    """Return a local path as text that a database can store: itself, or a URI if its name is not UTF-8."""
    text = str(path.absolute())
    return text if _is_storable(text) else path.absolute().as_uri()


def path_of(source: str) -> Path:
    """Return the path that `source_of` was given."""
    is_uri = source.startswith(_URI)
    return Path(os.fsdecode(unquote_to_bytes(source.removeprefix(_URI)))) if is_uri else Path(source)


def shown(path: str) -> str:
    """Return a path or name for display and storage: itself, or decoded if it is not UTF-8."""
    return path if _is_storable(path) else decode_name(os.fsencode(path))


def _is_storable(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)
