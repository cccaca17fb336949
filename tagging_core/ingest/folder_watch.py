"""Watching a folder: what appears in it is taken in, in batches of what came at about the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, watch

from tagging_core.assets.decoding import EXTENSIONS
from tagging_core.errors import SourceError

_SETTLED = 2.0  # seconds without a change until a file is thought to be whole
_TAKEN = (*EXTENSIONS, "zip")


def appearing(folder: Path, stopping: threading.Event, settled: float = _SETTLED) -> Iterator[list[Path]]:
    """Files of a folder, those that are there first, then those that appear or change, once they are whole.

    Args:
        stopping: Ends it.
        settled: Seconds that a file must not have changed.

    Raises:
        SourceError: There is no such folder.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder that can be watched.")
    told = set(_found(folder, folder))
    if told:
        yield sorted(told)
    changing: dict[Path, float] = {}
    begun = False
    for changes in watch(folder, stop_event=stopping, yield_on_timeout=True, rust_timeout=500):
        now = time.monotonic()
        if not begun:  # what came between the first look and the first watch
            changing, begun = dict.fromkeys(set(_found(folder, folder)) - told, now), True
        for change, name in changes:
            path = Path(name)
            if change == Change.deleted:
                changing.pop(path, None)
            elif path.is_dir():  # what came into it before it was watched
                changing |= dict.fromkeys(_found(path, folder), now)
            elif _is_wanted(path, folder):
                changing[path] = now
        if whole := sorted(path for path, since in changing.items() if now - since >= settled and path.is_file()):
            changing = {path: since for path, since in changing.items() if path not in whole}
            yield whole


def _found(below: Path, folder: Path) -> Iterator[Path]:
    return (path for path in below.rglob("*") if _is_wanted(path, folder))


def _is_wanted(path: Path, folder: Path) -> bool:
    """A link may lead anywhere, and hidden files are somebody's own."""
    inside = path.resolve().is_relative_to(folder.resolve())
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return inside and not hidden and path.is_file() and path.suffix.lower().lstrip(".") in _TAKEN
