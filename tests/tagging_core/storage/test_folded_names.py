"""Migration 0015 makes the names and texts of an existing installation searchable."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from alembic import command
from alembic.config import Config

from tagging_core import storage
from tagging_core.assets import repository
from tagging_core.storage import Database
from tests.conftest import Installations


def test_stored_rows_are_found_after_the_upgrade(tmp_path: Path, installations: Installations) -> None:
    database = Database(installations.new(tmp_path / "data") or f"sqlite:///{tmp_path / 'x.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).with_name("migrations")))
    decomposed = unicodedata.normalize("NFD", "Café 가방")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
        columns = "(id, sha256, name, format, width, height, bytes, frames, created_at, sample, caption)"
        for values in (
            f"(1, 'a', 'Übergröße.jpg', 'JPEG', 1, 1, 1, 1, '2026-01-01', 5, '{decomposed}')",
            "(2, 'b', 'b.jpg', 'JPEG', 1, 1, 1, 1, '2026-01-01', 5, 'Park')",
        ):
            connection.exec_driver_sql(f"insert into assets {columns} values {values}")
        connection.exec_driver_sql("insert into asset_words (word, asset_id) values ('cafe', 1), ('park', 2)")
    database.migrate()
    with database.read() as connection:
        for query, asset in (("übergröße", 1), ("café", 1), ("가방", 1), ("park", 2), ("B.JPG", 2)):
            assert [found.id for found in repository.find(connection, query)] == [asset], query
    database.close()
