"""Nobody else on the machine can read what Tagloop writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagging_core import Settings, Tagloop
from tagging_core.cli.main import main
from tests.conftest import photo


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """The umask of most machines, which is put back afterwards."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


def test_the_data_folder_and_a_backup_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(photo())
    monkeypatch.setenv("TAGLOOP_DATA_DIR", str(tmp_path / "new" / "data"))
    assert main(["ingest", str(tmp_path / "a.jpg"), "--profile", "general"]) == 0
    assert main(["backup", str(tmp_path / "backup.zip")]) == 0
    assert open_to_others(tmp_path / "new" / "data") == []
    assert open_to_others(tmp_path / "backup.zip") == []


def test_a_program_that_uses_the_library_keeps_its_own_umask(tmp_path: Path) -> None:
    Tagloop(Settings(data_dir=tmp_path / "data", encoder="tiny")).close()
    assert os.umask(0o022) == 0o022
    assert not (tmp_path / "data").stat().st_mode & 0o077
