"""Folder watching: new files are ingested, those that arrive together as one batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from watchfiles import Change, watch
from watchfiles._rust_notify import WatchfilesRustInternalError

from tagging_core.assets.decoding import EXTENSIONS
from tagging_core.errors import SourceError
from tagging_core.ingest.entries import shown
from tagging_core.ingest.sources import is_wanted

_SETTLED = 2.0  # seconds without a change after which a file counts as completely written
_SUFFIXES = (*EXTENSIONS, "zip")
_TICK_MS = 500  # between looks at what has settled
_REST = 9  # the time between scans of a large folder, in times that a scan takes


def appearing(folder: Path, stopping: threading.Event, settled: float = _SETTLED) -> Iterator[list[Path]]:
    """Yield a folder's existing files, then new and changed ones once they are completely written.

    Args:
        stopping: Set to end the iteration.
        settled: Seconds without a change after which a file counts as complete.

    Raises:
        SourceError: The folder does not exist.
    """
    if not folder.is_dir():
        raise SourceError(f"{shown(str(folder))} cannot be watched: it is not a folder.")
    arrivals = _Arrivals(folder)
    arrivals.rescan()
    if existing := arrivals.take(settled=0.0):
        yield existing
    changes = watch(
        folder, stop_event=stopping, yield_on_timeout=True, rust_timeout=_TICK_MS, ignore_permission_denied=True
    )
    try:
        for n, changed in enumerate(changes):
            if n == 0:  # files created before the watch began
                arrivals.rescan()
            arrivals.note(changed)
            if complete := arrivals.take(settled):
                yield complete
    except (WatchfilesRustInternalError, UnicodeEncodeError):  # it cannot watch names that are not UTF-8
        yield from _poll(arrivals, stopping, settled)


def _poll(arrivals: _Arrivals, stopping: threading.Event, settled: float) -> Iterator[list[Path]]:
    while not stopping.is_set():
        started = time.monotonic()
        arrivals.rescan()
        if complete := arrivals.take(settled):
            yield complete
        stopping.wait(max(settled, _REST * (time.monotonic() - started)))


class _Arrivals:
    """New and changed files of a folder.

    Args:
        folder: The watched folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self._changing: dict[Path, float] = {}

    def rescan(self) -> None:
        """Note the files that changed since they were last noted."""
        for path in self._found(self._folder):
            if self._stamps.get(path) != _stamp(path):
                self._add(path)

    def note(self, changes: Iterable[tuple[Change, str]]) -> None:
        """Note what changed."""
        for change, name in changes:
            path = Path(name)
            if change == Change.deleted:
                self._changing.pop(path, None)
            elif path.is_dir():  # its files may have been created before it was watched
                for found in self._found(path):
                    self._add(found)
            elif self._is_wanted(path):
                self._add(path)

    def take(self, settled: float) -> list[Path]:
        """Return, once, the files that have not changed for this many seconds."""
        now = time.monotonic()
        complete = sorted(p for p, since in self._changing.items() if now - since >= settled and p.is_file())
        for path in complete:
            del self._changing[path]
        return complete

    def _add(self, path: Path) -> None:
        self._changing[path], self._stamps[path] = time.monotonic(), _stamp(path)

    def _found(self, below: Path) -> Iterator[Path]:
        return (path for path in below.rglob("*") if self._is_wanted(path))

    def _is_wanted(self, path: Path) -> bool:
        return path.suffix.lower().lstrip(".") in _SUFFIXES and is_wanted(path, self._folder)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return time and size of a file; None if it has gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
