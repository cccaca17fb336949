from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from tagging_core import storage
from tagging_core.storage import Database, add_to, upsert
from tagging_core.storage.schema import counters, metadata


def test_migrations_produce_the_declared_schema(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    database.migrate()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
    database.close()


def test_migrating_old_decisions_records_what_was_shown(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).with_name("migrations")))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "insert into assets (id, sha256, name, format, width, height, bytes, frames, created_at, sample)"
            " values (1, 'a', 'a.jpg', 'JPEG', 1, 1, 1, 1, '2026-01-01', 5)",
            "insert into events (id, uid, at, actor, kind, asset_id, tag_id, payload)"
            " values (1, 'u', '2026-01-01', 'Ann', 'accept', 1, 'x', '{\"probability\": 0.5}'),"
            " (2, 'v', '2026-01-01', 'Ann', 'add', 1, 'y', null)",
            "insert into labels (asset_id, tag_id, value, event_id, sample)"
            " values (1, 'x', 1, 1, 5), (1, 'y', 1, 2, 5)",
            "insert into reviews (asset_id, profile, event_id, sample) values (1, 'news', 3, 5)",
        ):
            connection.exec_driver_sql(statement)
    database.migrate()
    with database.read() as connection:
        assert connection.exec_driver_sql("select tag_id, shown from labels").all() == [("x", 1), ("y", 0)]
        assert ("done.news", 1) in connection.exec_driver_sql("select name, n from counters").all()
    database.close()


def test_an_error_rolls_back_the_whole_transaction(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    try:
        with database.write() as connection:
            upsert(connection, counters, [{"name": "a", "n": 1}])
            raise RuntimeError
    except RuntimeError:
        pass
    with database.write(durable=True) as connection:
        add_to(connection, counters, [{"name": "b", "n": 2}, {"name": "b", "n": 3}])
    with database.read() as connection:
        assert connection.exec_driver_sql("select name, n from counters").all() == [("b", 5)]
    database.close()
