from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tagging_core.store import Database, add_to, upsert
from tagging_core.store.tables import counters, metadata


def test_the_migrations_give_the_schema_of_the_tables(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    database.migrate()
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
    database.close()


def test_an_error_undoes_the_whole_transaction(tmp_path: Path) -> None:
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
