"""PostgreSQL in SQLite's place: writers take turns, and lost connections lose nothing else."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tagging_core import Decision, Kind, Tagloop, User, ledger
from tagging_core.errors import StorageError, TaggingError
from tagging_core.ledger.events import Event
from tagging_core.storage import Database, key_values
from tagging_core.storage.schema import assets, events, items
from tests.conftest import RED, Installations, photo, wait_for
from tests.servers import Postgres

PROFILE = "e-commerce"


def test_whoever_has_seen_an_id_has_seen_all_before_it(loop: Tagloop) -> None:
    """The reader of a feed goes on after the last id it saw, so none may appear behind its back."""
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


def test_a_counter_moved_by_many_counts_each(loop: Tagloop) -> None:
    def move(_: int) -> None:
        with loop.database.write() as connection:
            key_values.bump(connection, "test")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(move, range(200)))
    with loop.database.read() as connection:
        assert key_values.get_int(connection, "test") == 200


def test_processes_that_start_together_migrate_once(postgres: Postgres) -> None:
    url = postgres.create("fresh")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Database(url).migrate(), range(4)))
    database = Database(url)
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM alembic_version")).scalar() == 1
    database.close()
    postgres.drop("fresh")


def test_cut_connections_lose_and_double_nothing(
    loop: Tagloop, ann: User, installations: Installations, postgres: Postgres
) -> None:
    """Every connection is cut again and again while pictures are ingested and an editor decides."""
    name = installations.name(loop.settings.data_dir)
    files = [(f"{n}.jpg", photo((n, 5 * n % 256, 90), size=(64, 40 + n))) for n in range(120)]
    loop.start()
    batch = loop.ingest.upload(ann, files, PROFILE)
    done: set[int] = set()
    cuts = 0
    end = time.monotonic() + 60
    while time.monotonic() < end and (cuts < 12 or loop_state(loop, batch) != "done"):
        if cuts < 12:
            postgres.cut(name)
            cuts += 1
        time.sleep(0.3)
        with contextlib.suppress(TaggingError):
            with loop.database.read() as connection:
                known = list(connection.execute(sa.select(assets.c.id)).scalars())
            for asset_id in set(known) - done:
                loop.review.decide(ann, Decision(Kind.ADD, asset_id, "colour.red", profile=PROFILE))
                done.add(asset_id)
    started = time.monotonic()
    wait_for(lambda: loop_state(loop, batch) == "done", 60)
    print("recovered", round(time.monotonic() - started, 2), "s after the last cut; cuts", cuts)
    with loop.database.read() as connection:
        states = list(connection.execute(sa.select(items.c.state).where(items.c.batch_id == batch)).scalars())
        pictures = connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar_one()
        said = list(connection.execute(sa.select(events.c.asset_id).where(events.c.kind == "add")).scalars())
    assert states == ["done"] * 120
    assert pictures == 120
    assert done <= set(said), "what the editor was told is done is there"


def loop_state(loop: Tagloop, batch: int) -> str:
    try:
        return loop.ingest.batch(batch).state
    except StorageError:
        return "not known"


def test_a_database_that_is_not_there_is_told(loop: Tagloop, postgres: Postgres) -> None:
    wrong = postgres.url("nothing")
    with pytest.raises(StorageError, match='database "nothing" does not exist'):
        Tagloop(loop.settings.model_copy(update={"database_url": wrong}))
    with pytest.raises(StorageError, match=r"Expected postgresql\+psycopg"):
        Tagloop(loop.settings.model_copy(update={"database_url": "oracle://ann:secret@host/x"}))
    with pytest.raises(StorageError) as told:
        Tagloop(loop.settings.model_copy(update={"database_url": "nonsense://ann:secret@host/x"}))
    assert "secret" not in str(told.value)


def test_text_that_postgres_cannot_keep_loses_only_that(loop: Tagloop, ann: User) -> None:
    batch = loop.ingest.upload(ann, [("a.jpg", photo(RED)), ("a.txt", b"A red\x00 thing")], PROFILE)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    with loop.database.read() as connection:
        row = connection.execute(sa.select(assets.c.title, assets.c.caption, assets.c.body)).one()
    assert "A red thing" in (row.title, row.caption, row.body)
