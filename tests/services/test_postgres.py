"""PostgreSQL instead of SQLite: writers take turns, and lost connections lose no data."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tagging_core import Decision, Kind, Tagloop, User, ledger
from tagging_core.errors import StorageError, TaggingError, UnreachableError
from tagging_core.ledger.events import Event
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import assets, events, items
from tests.conftest import RED, Installations, photo, wait_for
from tests.servers import Postgres

PROFILE = "e-commerce"


def test_event_ids_become_visible_in_order(loop: Tagloop) -> None:
    """A feed reader continues after the last id it saw, so no smaller id may appear later."""
    stop, missed = threading.Event(), []

    def write(n: int) -> None:
        for k in range(40):
            with loop.database.write() as connection:
                ledger.append(connection, Event(Kind.DISMISS, f"writer {n}", payload={"key": str(k)}))
                time.sleep(0.002 * (n % 3))

    def read() -> None:
        seen: set[int] = set()
        while not stop.is_set():
            with loop.database.read() as connection:
                found = set(connection.execute(sa.select(events.c.id)).scalars())
            missed.extend(i for i in found - seen if seen and i < max(seen))
            seen = found

    reader = threading.Thread(target=read)
    reader.start()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    stop.set()
    reader.join()
    assert not missed


def test_concurrent_increments_are_all_counted(loop: Tagloop) -> None:
    def increment(_: int) -> None:
        with loop.database.write() as connection:
            key_values.bump(connection, "test")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(200)))
    with loop.database.read() as connection:
        assert key_values.get_int(connection, "test") == 200


def test_processes_that_start_concurrently_migrate_once(postgres: Postgres) -> None:
    url = postgres.create("fresh")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Database(url).migrate(), range(4)))
    database = Database(url)
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM alembic_version")).scalar() == 1
    database.close()
    postgres.drop("fresh")


def test_terminated_connections_neither_lose_nor_duplicate_anything(
    loop: Tagloop, ann: User, installations: Installations, postgres: Postgres
) -> None:
    """Every connection is terminated repeatedly while pictures are ingested and an editor decides."""
    name = installations.name(loop.settings.data_dir)
    files = [(f"{n}.jpg", photo((n, 5 * n % 256, 90), size=(64, 40 + n))) for n in range(120)]
    loop.start()
    batch = loop.ingest.upload(ann, files, PROFILE)
    done: set[int] = set()
    terminations = 0
    end = time.monotonic() + 60
    while time.monotonic() < end and (terminations < 12 or batch_state(loop, batch) != "done"):
        if terminations < 12:
            postgres.terminate_connections(name)
            terminations += 1
        time.sleep(0.3)
        with contextlib.suppress(TaggingError):
            with loop.database.read() as connection:
                known = list(connection.execute(sa.select(assets.c.id)).scalars())
            for asset_id in set(known) - done:
                loop.review.decide(ann, Decision(Kind.ADD, asset_id, "colour.red", profile=PROFILE))
                done.add(asset_id)
    started = time.monotonic()
    wait_for(lambda: batch_state(loop, batch) == "done", 60)
    print(
        "recovered",
        round(time.monotonic() - started, 2),
        "s after the last termination; terminations",
        terminations,
    )
    states, pictures, recorded = outcome(loop, batch)
    assert states == ["done"] * 120
    assert pictures == 120
    assert done <= set(recorded), "every confirmed decision is stored"


def outcome(loop: Tagloop, batch: int) -> tuple[list[str], int, list[int]]:
    """Read the states of the items, the number of pictures and the decided ones."""
    for _ in range(50):  # each pooled connection that was terminated fails once
        with contextlib.suppress(UnreachableError), loop.database.read() as connection:
            states = connection.execute(sa.select(items.c.state).where(items.c.batch_id == batch)).scalars().all()
            pictures = connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar_one()
            recorded = (
                connection.execute(sa.select(events.c.asset_id).where(events.c.kind == "add")).scalars().all()
            )
            return list(states), pictures, list(recorded)
    raise AssertionError("the database does not respond")


def batch_state(loop: Tagloop, batch: int) -> str:
    try:
        return loop.ingest.batch(batch).state
    except StorageError:
        return "unknown"


def test_a_missing_or_invalid_database_is_reported(loop: Tagloop, postgres: Postgres) -> None:
    wrong = postgres.url("nothing")
    with pytest.raises(StorageError, match='database "nothing" does not exist'):
        Tagloop(loop.settings.model_copy(update={"database_url": wrong}))
    with pytest.raises(StorageError, match=r"Expected postgresql\+psycopg"):
        Tagloop(loop.settings.model_copy(update={"database_url": "oracle://ann:secret@host/x"}))
    with pytest.raises(StorageError) as caught:
        Tagloop(loop.settings.model_copy(update={"database_url": "nonsense://ann:secret@host/x"}))
    assert "secret" not in str(caught.value)


def test_characters_that_postgres_cannot_store_are_removed(loop: Tagloop, ann: User) -> None:
    batch = loop.ingest.upload(ann, [("a.jpg", photo(RED)), ("a.txt", b"A red\x00 thing")], PROFILE)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    with loop.database.read() as connection:
        row = connection.execute(sa.select(assets.c.title, assets.c.caption, assets.c.body)).one()
    assert "A red thing" in (row.title, row.caption, row.body)
