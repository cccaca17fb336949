"""The full set: PostgreSQL, a Chroma server, a broker, an object store, and workers as separate processes.

Whatever is killed or restarted, every picture is ingested exactly once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.assets.files import Rendition
from tagging_core.ingest import batches, dispatcher, queue_status
from tagging_core.ingest.sources import Entry
from tagging_core.storage.schema import assets, chunks, items
from tests.conftest import BLUE, GREEN, RED, photo, wait_for
from tests.servers import ObjectStore, Server

PROFILE = "e-commerce"
LEASE = 3.0


class Workers:
    """Worker processes on the same servers, each with its own data folder."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, seconds: float = 0.0) -> subprocess.Popen[bytes]:
        """Start another one, whose model takes that many seconds per picture."""
        number = len(self.processes)
        variables = {
            f"TAGLOOP_{name.upper()}": str(value)
            for name, value in self._settings.model_dump(exclude_defaults=True).items()
        } | {"TAGLOOP_DATA_DIR": str(self._folder / f"worker-{number}")}
        log = (self._folder / f"worker-{number}.log").open("wb")
        command = [sys.executable, "-m", "tests.slow_worker", str(seconds), str(LEASE)]
        process = subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Stop all of them gracefully."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(getattr(request, "param", "redis"))


@pytest.fixture
def settings(settings: Settings, broker: Server, object_store: ObjectStore) -> Settings:
    """The settings of a console on the full set."""
    found = settings.model_copy(
        update={
            "database_url": os.environ["TAGLOOP_DATABASE_URL"],
            "queue_url": broker.url,  # type: ignore[attr-defined]
            "assets_url": object_store.bucket("test"),
        }
    )
    return found


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[Workers]:
    found = Workers(settings, tmp_path)
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice lost messages after seconds instead of half a minute."""
    monkeypatch.setattr(dispatcher, "_OVERLOOKED_SECONDS", 2.0)
    monkeypatch.setattr(dispatcher, "_LOOK_SECONDS", 0.5)


def files(count: int) -> list[tuple[str, bytes]]:
    return [(f"{n}.jpg", photo((n % 256, 3 * n % 256, 90), size=(64, 40 + n))) for n in range(count)]


def check_each_picture_was_ingested_once(loop: Tagloop, count: int) -> None:
    with loop.database.read() as connection:
        states = sa.select(items.c.state, sa.func.count()).group_by(items.c.state)
        assert [tuple(row) for row in connection.execute(states)] == [("done", count)]
        assert connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar_one() == count


def worker_names(loop: Tagloop) -> set[str]:
    with loop.database.read() as connection:
        return set(connection.execute(sa.select(chunks.c.worker).where(chunks.c.worker.is_not(None))).scalars())


def wait_for_work(loop: Tagloop) -> None:
    wait_for(lambda: worker_names(loop), 60)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"], indirect=True)
def test_the_loop_from_upload_to_search(loop: Tagloop, workers: Workers, ann: User) -> None:
    loop.start()
    workers.start()
    colours = {"red.jpg": RED, "red2.jpg": (215, 35, 30), "green.jpg": GREEN, "blue.jpg": BLUE}
    batch = loop.ingest.upload(ann, [(name, photo(colour)) for name, colour in colours.items()], PROFILE)
    wait_for(lambda: loop.ingest.batch(batch).state == "done", 90)
    assert loop.resources.name not in worker_names(loop), "the console leaves pictures to workers"
    with loop.database.read() as connection:
        found = {row.name: row for row in connection.execute(sa.select(assets))}
    data = loop.resources.images.read(Rendition.ORIGINAL, found["red.jpg"].sha256)
    assert data == photo(RED)
    assert loop.resources.images.has(found["blue.jpg"].sha256)
    assert not (loop.settings.data_dir / "archive").exists(), "no picture is stored on this machine"
    assert list(loop.resources.blobs.older_than("incoming", 0.0)) == [], "staged files are deleted"
    before = {s.tag_id: s.probability for s in loop.review.suggest(found["red2.jpg"].id, PROFILE)}
    loop.review.decide(ann, Decision(Kind.REJECT, found["red.jpg"].id, "colour.red", profile=PROFILE))
    after = {s.tag_id: s.probability for s in loop.review.suggest(found["red2.jpg"].id, PROFILE)}
    assert after.get("colour.red", 0.0) < before["colour.red"]
    wait_for(lambda: loop.resources.index.is_open and not loop.resources.index.feeder.pending(), 60)
    assert loop.search.find("green").hits[0].asset_id == found["green.jpg"].id
    again = loop.ingest.upload(ann, [("again.jpg", photo(RED)), ("broken.jpg", b"no picture")], PROFILE)
    wait_for(lambda: loop.ingest.batch(again).state == "done", 30)
    assert (loop.ingest.batch(again).known, loop.ingest.batch(again).refused) == (1, 1)


def test_the_chunk_of_a_killed_worker_is_processed_by_another(loop: Tagloop, workers: Workers, ann: User) -> None:
    loop.start()
    batch = loop.ingest.upload(ann, files(160), PROFILE)
    victim = workers.start(0.05)
    wait_for_work(loop)
    time.sleep(0.5)
    victim.kill()
    killed = time.monotonic()
    with loop.database.read() as connection:
        held = connection.execute(sa.select(chunks.c.n).where(chunks.c.leased_until.is_not(None))).scalars().all()
    assert held, "it was working"
    workers.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done", 60)
    assert time.monotonic() - killed < 60
    with loop.database.read() as connection:
        attempts = {row.n: row.attempts for row in connection.execute(sa.select(chunks))}
    assert {attempts[n] for n in held} == {2}
    check_each_picture_was_ingested_once(loop, 160)


@pytest.mark.parametrize(("broker", "end"), [("redis", "kill"), ("rabbitmq", "stop")], indirect=["broker"])
def test_a_broker_restart_loses_nothing(
    loop: Tagloop, workers: Workers, broker: Server, ann: User, end: str
) -> None:
    loop.start()
    workers.start(0.02)
    batch = loop.ingest.upload(ann, files(200), PROFILE)
    wait_for_work(loop)
    getattr(broker, end)()
    during = loop.ingest.upload(ann, [("during.jpg", photo(RED))], PROFILE)
    wait_for(lambda: loop.worker is not None and "queue" in loop.worker.trouble, 60)
    broker.start()
    wait_for(lambda: loop.ingest.batch(batch).state == loop.ingest.batch(during).state == "done", 90)
    check_each_picture_was_ingested_once(loop, 201)
    wait_for(lambda: loop.worker is not None and not loop.worker.trouble)


def test_an_unreachable_object_store_delays_pictures(
    loop: Tagloop, workers: Workers, object_store: ObjectStore, ann: User
) -> None:
    loop.start()
    batch = loop.ingest.upload(ann, files(8), PROFILE)
    assert object_store.process is not None
    object_store.process.send_signal(signal.SIGSTOP)
    try:
        workers.start()
        wait_for_work(loop)
        time.sleep(2)
        assert loop.ingest.batch(batch).finished == 0
    finally:
        object_store.process.send_signal(signal.SIGCONT)
    wait_for(lambda: loop.ingest.batch(batch).state == "done", 90)
    check_each_picture_was_ingested_once(loop, 8)


def test_ten_thousand_chunks_do_not_delay_a_small_upload(
    loop: Tagloop, workers: Workers, ann: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 1)
    loop.start()
    entries = [Entry(str(tmp_path / f"{n}.jpg"), False, f"{n}.jpg") for n in range(10_000)]
    with loop.database.write() as connection:
        bulk = batches.submit(
            connection, ann, "Everything", profile=loop.taxonomy().profile(PROFILE), entries=entries
        )
    wait_for(lambda: unsent(loop) == 0, 60)
    workers.start()
    wait_for_work(loop)
    urgent = loop.ingest.upload(ann, [("urgent.jpg", photo(RED))], PROFILE)
    wait_for(lambda: loop.ingest.batch(urgent).state == "done")
    assert loop.ingest.batch(bulk).state == "running"
    loop.ingest.stop(ann, bulk)
    with loop.database.read() as connection:
        assert queue_status.load(connection).waiting == 0, "a stopped batch is not waiting"


def unsent(loop: Tagloop) -> int:
    with loop.database.read() as connection:
        query = sa.select(sa.func.count()).select_from(chunks).where(chunks.c.sent_at.is_(None))
        return int(connection.execute(query).scalar_one())


def test_progress_and_stopping_work_across_processes(loop: Tagloop, workers: Workers, ann: User) -> None:
    loop.start()
    worker = workers.start(0.02)
    batch = loop.ingest.upload(ann, files(120), PROFILE)
    wait_for(lambda: 0 < loop.ingest.batch(batch).finished < 120, 60)
    loop.ingest.stop(ann, batch)
    time.sleep(1.5)
    stopped = loop.ingest.batch(batch).finished
    time.sleep(1.5)
    assert loop.ingest.batch(batch).finished == stopped < 120
    loop.ingest.resume(ann, batch)
    wait_for(lambda: loop.ingest.batch(batch).finished > stopped, 30)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0, "it exits cleanly"
    with loop.database.read() as connection:
        held = sa.select(chunks.c.n).where(chunks.c.leased_until.is_not(None))
        assert connection.execute(held).all() == [], "it finished its chunk and holds no lease"
    workers.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done", 60)
    check_each_picture_was_ingested_once(loop, 120)
