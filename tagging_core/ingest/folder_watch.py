"""Folder watching: new files are ingested, those that arrive together as one batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, watch

from tagging_core.assets.decoding import EXTENSIONS
from tagging_core.errors import SourceError

_SETTLED = 2.0  # seconds without a change after which a file counts as completely written
_SUFFIXES = (*EXTENSIONS, "zip")


def appearing(folder: Path, stopping: threading.Event, settled: float = _SETTLED) -> Iterator[list[Path]]:
    """Yield a folder's existing files, then new and changed ones once they are completely written.

    Args:
        stopping: Set to end the iteration.
        settled: Seconds without a change after which a file counts as complete.

    Raises:
        SourceError: The folder does not exist.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} cannot be watched: it is not a folder.")
    existing = set(_found(folder, folder))
    if existing:
        yield sorted(existing)
    changing: dict[Path, float] = {}
    started = False
    for changes in watch(folder, stop_event=stopping, yield_on_timeout=True, rust_timeout=500):
        now = time.monotonic()
        if not started:  # files created between the listing and the start of the watch
            changing, started = dict.fromkeys(set(_found(folder, folder)) - existing, now), True
        for change, name in changes:
            path = Path(name)
            if change == Change.deleted:
                changing.pop(path, None)
            elif path.is_dir():  # its files may have been created before it was watched
                changing |= dict.fromkeys(_found(path, folder), now)
            elif _is_wanted(path, folder):
                changing[path] = now
        if whole := sorted(path for path, since in changing.items() if now - since >= settled and path.is_file()):
            changing = {path: since for path, since in changing.items() if path not in whole}
            yield whole


def _found(below: Path, folder: Path) -> Iterator[Path]:
    return (path for path in below.rglob("*") if _is_wanted(path, folder))


def _is_wanted(path: Path, folder: Path) -> bool:
    """Whether a file is a picture or zip, not hidden, and not a link to a file outside the folder."""
    inside = path.resolve().is_relative_to(folder.resolve())
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return inside and not hidden and path.is_file() and path.suffix.lower().lstrip(".") in _SUFFIXES
