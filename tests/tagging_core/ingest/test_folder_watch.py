from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tagging_core import TaggingError
from tagging_core.ingest.folder_watch import appearing
from tests.conftest import photo, wait_for


def test_new_files_are_reported_once_they_are_complete(tmp_path: Path) -> None:
    (tmp_path / "first.jpg").write_bytes(photo())
    (tmp_path / "notes.md").write_bytes(b"no picture")
    stopping = threading.Event()
    seen: list[str] = []

    def run() -> None:
        for paths in appearing(tmp_path, stopping, settled=0.3):
            seen.extend(path.name for path in paths)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: seen == ["first.jpg"])
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "second.jpg").write_bytes(photo())
    (tmp_path / ".hidden.jpg").write_bytes(photo())
    wait_for(lambda: "second.jpg" in seen)
    stopping.set()
    thread.join(10)
    assert seen == ["first.jpg", "second.jpg"]


def test_a_missing_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(TaggingError, match="cannot be watched"):
        next(appearing(tmp_path / "lost", threading.Event()))


def test_a_name_that_is_not_utf_8_does_not_end_the_watch(tmp_path: Path) -> None:
    def create(name: bytes) -> None:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo())

    create(b"before-\xe9.jpg")
    seen: list[bytes] = []
    stopping = threading.Event()

    def run() -> None:
        for paths in appearing(tmp_path, stopping, settled=0.3):
            seen.extend(os.fsencode(path.name) for path in paths)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    for n, name in enumerate((b"before-\xe9.jpg", b"\xe9.jpg", b"good.jpg", b"deep-\xe9/in.jpg", b"last.jpg")):
        if n:
            create(name)
        wait_for(lambda: len(seen) > n)  # noqa: B023
        assert seen[n] == name.split(b"/")[-1]
    stopping.set()
    thread.join(10)
    assert len(seen) == 5


def test_leftovers_are_not_watched(tmp_path: Path) -> None:
    (tmp_path / "@eaDir").mkdir()
    (tmp_path / "@eaDir" / "a.jpg").write_bytes(photo())
    (tmp_path / "a.jpg").write_bytes(photo())
    assert next(appearing(tmp_path, threading.Event())) == [tmp_path / "a.jpg"]
