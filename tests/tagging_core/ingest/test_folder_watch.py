from __future__ import annotations

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
