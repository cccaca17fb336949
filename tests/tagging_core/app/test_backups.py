"""A backup restores completely, even elsewhere and on another kind of database, or not at all."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.app import backups
from tagging_core.assets.files import Rendition
from tagging_core.cli.main import main
from tagging_core.errors import BackupError
from tagging_core.storage import Database
from tagging_core.storage.blobs import open_blobs
from tagging_core.storage.schema import metadata
from tests.conftest import BLUE, GREEN, RED, Installations, ingest, photo, wait_for


@pytest.fixture
def populated(loop: Tagloop, ann: User) -> Iterator[Tagloop]:
    """An installation with decisions and a stopped batch; its worker does not run."""
    first, second, _ = ingest(loop, ann, RED, GREEN, BLUE)
    loop.review.decide(ann, Decision(Kind.ADD, first, "garment.dress", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.REJECT, second, "colour.red", profile="e-commerce"))
    loop.review.decide(ann, Decision(Kind.DONE, first, profile="e-commerce"))
    loop.model.library.settle()
    batch = loop.ingest.upload(ann, [("waits.jpg", photo(RED, size=(99, 99)))], "e-commerce")
    loop.ingest.stop(ann, batch)
    loop.close()
    opened = Tagloop(loop.settings)
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(tmp_path: Path, installations: Installations) -> Settings:
    """Settings of an installation that does not exist yet."""
    folder = tmp_path / "elsewhere"
    return Settings(data_dir=folder, database_url=installations.new(folder), chroma_url="", encoder="tiny")


def rows(database: Database) -> dict[str, list]:
    """The rows of all tables, except those the worker writes in the background."""
    with database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table))))
            for table in metadata.sorted_tables
            if table.name not in ("duties", "chunks", "meta", "outbox", "drift")
        }


def test_a_backup_restores_everything_elsewhere(
    populated: Tagloop, elsewhere: Settings, ann: User, tmp_path: Path
) -> None:
    path = tmp_path / "backup.zip"
    made = backups.back_up(populated.database, populated.resources.blobs, path)
    before = rows(populated.database)
    confidences = {s.tag_id: s.probability for s in populated.review.suggest(3, "e-commerce")}
    database = Database(elsewhere.database)
    assert backups.restore(database, open_blobs(elsewhere.assets_url, elsewhere.data_dir), path) == made
    assert rows(database) == before
    database.close()
    restored = Tagloop(elsewhere)
    try:
        assert {s.tag_id: s.probability for s in restored.review.suggest(3, "e-commerce")} == pytest.approx(
            confidences
        )
        with restored.database.read() as connection:
            names = connection.execute(sa.select(metadata.tables["assets"].c.sha256)).scalars().all()
        assert all(restored.resources.images.has(name) for name in names)
        assert restored.resources.images.read(Rendition.ORIGINAL, names[0])
        restored.start()
        batch = restored.ingest.batch(2)
        restored.ingest.resume(ann, batch.id)
        wait_for(lambda: restored.ingest.batch(2).ingested == 1)
        event = restored.review.decide(ann, Decision(Kind.ADD, 3, "garment.dress", profile="e-commerce"))
        assert event > len(before["events"]), "ids continue after the restored ones"
        wait_for(lambda: restored.resources.index.is_open and not restored.resources.index.feeder.pending(), 60)
        assert restored.search.find("green").hits
    finally:
        restored.close()


def test_restoring_over_existing_data_is_rejected(populated: Tagloop, tmp_path: Path) -> None:
    path = tmp_path / "backup.zip"
    backups.back_up(populated.database, None, path)
    before = rows(populated.database)
    with pytest.raises(BackupError, match="not empty"):
        backups.restore(populated.database, populated.resources.blobs, path)
    assert rows(populated.database) == before


def test_a_damaged_backup_restores_nothing(populated: Tagloop, elsewhere: Settings, tmp_path: Path) -> None:
    path, damaged = tmp_path / "backup.zip", tmp_path / "damaged.zip"
    backups.back_up(populated.database, None, path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(damaged, "w") as part:
        for name in whole.namelist():
            if name != "tables/labels.jsonl":
                part.writestr(name, whole.read(name))
    database = Database(elsewhere.database)
    for broken, message in ((damaged, "labels"), (tmp_path / "missing.zip", "cannot be read")):
        with pytest.raises(BackupError, match=message):
            backups.restore(database, open_blobs(elsewhere.assets_url, elsewhere.data_dir), broken)
    assert not any(found for name, found in rows(database).items() if name != "alembic_version")
    backups.restore(database, open_blobs(elsewhere.assets_url, elsewhere.data_dir), path)
    database.close()


def test_a_failed_backup_leaves_no_partial_file(populated: Tagloop, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="cannot be written"):
        backups.back_up(populated.database, None, tmp_path / "nowhere" / "backup.zip")
    assert not list(tmp_path.glob("nowhere*"))


def test_backup_and_restore_from_the_command_line(
    populated: Tagloop, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "backup.zip")
    before = rows(populated.database)
    assert main(["backup", path]) == 0
    monkeypatch.setenv("TAGLOOP_DATA_DIR", str(elsewhere.data_dir))
    monkeypatch.setenv("TAGLOOP_DATABASE_URL", elsewhere.database_url)
    assert main(["restore", path]) == 0
    assert main(["restore", path]) == 1, "no longer empty"
    database = Database(elsewhere.database)
    assert rows(database) == before
    database.close()
    assert os.path.getsize(path) > 10_000


@pytest.mark.parametrize(
    "name",
    [
        "archive/../../x",
        "archive/a/../../../../x",
        "incoming/..",
        "/x",
        "../x",
        "x",
        "archive//x",
        "archive/\\..\\x",
    ],
)
def test_a_backup_with_a_file_for_elsewhere_restores_nothing(
    populated: Tagloop, elsewhere: Settings, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "backup.zip"
    backups.back_up(populated.database, None, path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/good", b"x")
        file.writestr(name, b"x")
    database = Database(elsewhere.database)
    with pytest.raises(BackupError, match="is no backup that Tagloop wrote"):
        backups.restore(database, open_blobs("", elsewhere.data_dir), path)
    database.close()
    assert not list(tmp_path.rglob("good")) + list(tmp_path.rglob("x"))
