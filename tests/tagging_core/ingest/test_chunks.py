"""Chunks are dispatched, retried, dead-lettered and taken over; every picture is finished exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tagging_core import Tagloop, User
from tagging_core.app import worker
from tagging_core.app.assembly import Services
from tagging_core.errors import EncoderError, SettingsError, UnreachableError
from tagging_core.ingest import batches, chunks, queue_status
from tagging_core.ingest import dispatcher as dispatching
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.dispatcher import Dispatcher
from tagging_core.ingest.pipeline import EmbeddedChunk
from tagging_core.storage.schema import assets, items
from tagging_core.storage.schema import chunks as table
from tests.conftest import RED, photo, wait_for

PROFILE = "e-commerce"


def files(count: int) -> list[tuple[str, bytes]]:
    return [(f"{n}.jpg", photo(RED, size=(40 + n % 200, 40 + n // 200))) for n in range(count)]


def chunk_rows(loop: Tagloop) -> list[sa.Row]:
    with loop.database.read() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.job_id, table.c.n)))


def count(loop: Tagloop, table: sa.Table) -> int:
    with loop.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@pytest.fixture
def fail_attempts(loop: Tagloop, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Exception], None]:
    """Makes the given number of attempts fail with an error."""
    monkeypatch.setattr(chunks, "_BACKOFF_SECONDS", 0.05)
    original = loop.model.suggester.predict

    def fail(times: int, error: Exception) -> None:
        remaining = iter(range(times))

        def predict(*args: object, **options: object) -> object:
            if next(remaining, None) is not None:
                raise error
            return original(*args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(loop.model.suggester, "predict", predict)

    return fail


def test_a_failed_chunk_is_retried(
    loop: Tagloop, ann: User, fail_attempts: Callable[[int, Exception], None]
) -> None:
    fail_attempts(2, RuntimeError("a kernel failed"))
    batch = loop.ingest.upload(ann, files(3), PROFILE)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert loop.ingest.batch(batch).ingested == 3
    assert sum(row.attempts for row in chunk_rows(loop)) == 3 + 2
    assert all(row.error == "" for row in chunk_rows(loop))


def test_a_chunk_out_of_attempts_is_dead_lettered_and_can_be_retried(
    loop: Tagloop, ann: User, fail_attempts: Callable[[int, Exception], None]
) -> None:
    fail_attempts(chunks.ATTEMPTS, RuntimeError("a kernel failed"))
    batch = loop.ingest.upload(ann, files(1), PROFILE)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "stopped")
    assert loop.ingest.batch(batch).note == "1 could not be processed; see the page Jobs for the reasons."
    with loop.database.read() as connection:
        (dead_letter,) = queue_status.dead_letters(connection)
        assert queue_status.load(connection).dead_lettered == 1
    assert (dead_letter.batch_id, dead_letter.names, dead_letter.error) == (
        batch,
        ["0.jpg"],
        "RuntimeError: a kernel failed",
    )
    loop.ingest.resume(ann, batch)
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert loop.ingest.batch(batch).ingested == 1
    with loop.database.read() as connection:
        assert queue_status.dead_letters(connection) == []


def test_one_bad_chunk_does_not_block_the_others(
    loop: Tagloop, ann: User, fail_attempts: Callable[[int, Exception], None]
) -> None:
    fail_attempts(chunks.ATTEMPTS, RuntimeError("a kernel failed"))
    batch = loop.ingest.upload(ann, files(64), PROFILE)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert count(loop, assets) == 64


def test_an_encoder_error_does_not_count_as_an_attempt(
    loop: Tagloop, ann: User, fail_attempts: Callable[[int, Exception], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagging_core.ingest.chunk_runner._PAUSE_SECONDS", 0.05)
    fail_attempts(chunks.ATTEMPTS + 2, EncoderError("The model is away."))
    batch = loop.ingest.upload(ann, files(1), PROFILE)
    loop.start()
    wait_for(lambda: loop.worker is not None and loop.worker.trouble == "The model is away.")
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert chunk_rows(loop)[0].attempts == 1
    wait_for(lambda: loop.worker is not None and loop.worker.trouble == "")


def test_a_chunk_waits_for_an_unreachable_object_store(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_HEARTBEAT_SECONDS", 0.05)
    batch = loop.ingest.upload(ann, files(1), PROFILE)
    original, remaining = loop.resources.blobs.read, iter(range(chunks.ATTEMPTS + 2))

    def read(name: str) -> bytes:
        if next(remaining, None) is not None:
            raise UnreachableError("The object store is away.")
        return original(name)

    monkeypatch.setattr(loop.resources.blobs, "read", read)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assert loop.ingest.batch(batch).ingested == 1
    assert chunk_rows(loop)[0].attempts == 1


def test_a_restart_resumes_chunks_and_dead_letters_exhausted_ones(
    embedded: None, loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "_LOOK_SECONDS", 0.1)
    interrupted, exhausted = (loop.ingest.upload(ann, files(1), PROFILE) for _ in range(2))
    with loop.database.write() as connection:
        for job, attempts in ((1, 1), (2, chunks.ATTEMPTS)):
            held = {"leased_until": time.time() + 30, "sent_at": time.time(), "attempts": attempts}
            connection.execute(sa.update(table).where(table.c.job_id == job).values(held))
    loop.start()
    wait_for(lambda: loop.ingest.batch(interrupted).state == "done")
    wait_for(lambda: loop.ingest.batch(exhausted).state == "stopped")


def test_a_lost_message_is_sent_again(
    embedded: None, loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[tuple[int, int]] = []
    broker = Broker("", lambda job, n: received.append((job, n)))
    dispatcher = Dispatcher(loop.database, broker)
    batch = loop.ingest.upload(ann, files(1), PROFILE)
    assert dispatcher.work()
    broker._broker.flush_all()
    assert not dispatcher.work(), "the message may still be in flight"
    monkeypatch.setattr(dispatching, "_OVERLOOKED_SECONDS", 0.0)
    monkeypatch.setattr(dispatching, "_LOOK_SECONDS", 0.0)
    dispatcher.work()
    assert dispatcher.work()
    broker.consume(1)
    wait_for(lambda: received)
    assert received == [(1, 0)]
    broker.close()
    assert loop.ingest.batch(batch).state == "running", "a message alone does not change the batch"


def test_small_uploads_overtake_large_ones(loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_URGENT", 3)
    bulk = loop.ingest.upload(ann, files(40), PROFILE)
    urgent = loop.ingest.upload(ann, files(2), PROFILE)
    order: list[tuple[int, int]] = []
    broker = Broker("", lambda job, n: order.append((job, n)))
    Dispatcher(loop.database, broker).work()
    broker.consume(1)
    wait_for(lambda: len(order) == len(chunk_rows(loop)))
    broker.close()
    last = max(order.index(ref) for ref in order if ref[0] == urgent)
    assert last < len(order) / 2, f"batch {bulk} was done first: {order}"


def test_a_heartbeat_renews_the_lease_of_a_running_chunk(loop: Tagloop, ann: User) -> None:
    loop.ingest.upload(ann, files(1), PROFILE)
    holder = ChunkRunner(loop.database, "one")

    def run_slowly(_: object) -> None:
        with loop.database.write() as connection:
            connection.execute(sa.update(table).values(leased_until=time.time() + 1))
        holder.heartbeat()
        assert chunk_rows(loop)[0].leased_until > time.time() + chunks.LEASE_SECONDS - 5
        assert not holder.hangs

    assert holder.run((1, 0), run_slowly)


def test_a_chunk_of_a_hung_worker_is_taken_over_and_written_once(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = loop.ingest.upload(ann, files(1), PROFILE)
    slow, quick = ChunkRunner(loop.database, "slow"), ChunkRunner(loop.database, "quick")
    hanging = Services(loop.resources, loop.model, loop.wake).pipeline
    write = hanging._write

    def hang(embedded: EmbeddedChunk) -> None:
        monkeypatch.setattr("tagging_core.ingest.chunk_runner.HUNG_SECONDS", 0.0)
        assert slow.hangs
        slow.heartbeat()
        with loop.database.write() as connection:  # as if the lease had expired
            connection.execute(sa.update(table).values(leased_until=time.time() - 1))
        assert quick.run((1, 0), Services(loop.resources, loop.model, loop.wake).pipeline.run)
        write(embedded)

    monkeypatch.setattr(hanging, "_write", hang)
    assert slow.run((1, 0), hanging.run)
    assert loop.ingest.batch(batch).state == "done"
    assert (loop.ingest.batch(batch).ingested, loop.ingest.batch(batch).known) == (1, 0)
    assert count(loop, assets) == 1


def test_a_chunk_that_keeps_killing_workers_is_dead_lettered(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "_LOOK_SECONDS", 0.0)
    batch = loop.ingest.upload(ann, files(1), PROFILE)
    dispatcher = Dispatcher(loop.database, Broker("", lambda job, n: None))
    for n in range(chunks.ATTEMPTS):
        assert dispatcher.work()
        with loop.database.write() as connection:
            assert chunks.claim(connection, f"victim {n}", (1, 0)) is not None
            connection.execute(sa.update(table).values(leased_until=time.time() - 1))
    assert not dispatcher.work()
    assert loop.ingest.batch(batch).state == "stopped"
    assert "crashed or hung in each of" in chunk_rows(loop)[0].error


def test_queue_load_and_active_workers_are_counted(loop: Tagloop, ann: User) -> None:
    loop.ingest.upload(ann, files(20), PROFILE)
    with loop.database.write() as connection:
        assert chunks.claim(connection, "one", (1, 0)) is not None
    with loop.database.read() as connection:
        found = queue_status.load(connection)
        assert (found.waiting, found.in_work, found.dead_lettered, found.done_recently) == (18, 2, 0, 0)
        assert 0 <= found.oldest_seconds < 30
        assert [(w.name, w.in_work) for w in queue_status.active_workers(connection)] == [("one", 2)]
    assert ChunkRunner(loop.database, "two").run(
        (1, 1), Services(loop.resources, loop.model, loop.wake).pipeline.run
    )
    with loop.database.read() as connection:
        assert queue_status.load(connection).done_recently == 2
        assert {w.name: w.done_recently for w in queue_status.active_workers(connection)} == {"one": 0, "two": 2}
    assert count(loop, items) == 20


def test_an_unsupported_queue_url_is_rejected() -> None:
    with pytest.raises(SettingsError, match="is not supported: expected amqp"):
        Broker("kafka://somewhere", lambda job, n: None)
