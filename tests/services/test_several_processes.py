"""Several processes on one database share the work, and only the leader does what must not be done twice."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.storage.leader_election import LeaderLock
from tagging_core.storage.schema import assets, chunks, duties, items
from tests.conftest import BLUE, GREEN, RED, ingest, photo, wait_for

PROFILE = "e-commerce"


@pytest.fixture
def other(loop: Tagloop, settings: Settings) -> Iterator[Tagloop]:
    """A second process on the same servers and files."""
    second = Tagloop(settings)
    yield second
    second.close()


def test_without_a_queue_one_process_handles_batches_submitted_to_any(
    loop: Tagloop, other: Tagloop, ann: User
) -> None:
    loop.start()
    wait_for(lambda: leader(loop) == loop.resources.name)
    other.start()
    files = [(f"{n}.jpg", photo((n % 256, 3 * n % 256, 90), size=(64, 40 + n))) for n in range(400)]
    batch = other.ingest.upload(ann, files, PROFILE)
    wait_for(lambda: other.ingest.batch(batch).finished > 32, 30)
    loop.close()
    wait_for(lambda: other.ingest.batch(batch).state == "done", 90)
    with other.database.read() as connection:
        workers = set(connection.execute(sa.select(chunks.c.worker)).scalars())
        states = set(connection.execute(sa.select(items.c.state)).scalars())
        pictures = connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar_one()
    assert workers == {loop.resources.name, other.resources.name}
    assert states == {"done"}
    assert pictures == 400


def test_decisions_reach_other_processes_within_a_second(loop: Tagloop, other: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, (215, 35, 30), GREEN, BLUE)
    other.start()
    wait_for(lambda: other.resources.index.is_open)
    before = other.model.library.matrix().revision
    loop.review.decide(ann, Decision(Kind.REJECT, assets[0], "colour.red", profile=PROFILE))
    wait_for(lambda: other.model.library.matrix().revision > before, 1)
    assert other.review.suggest(assets[1], PROFILE)
    wait_for(lambda: not other.resources.index.feeder.pending(), 60)
    assert other.search.find("green").hits


def test_one_process_leads_and_another_takes_over(loop: Tagloop, other: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED)
    other.start()
    wait_for(lambda: leader(loop) == loop.resources.name)
    time.sleep(1.5)
    assert leader(loop) == loop.resources.name
    loop.close()
    wait_for(lambda: leader(other) == other.resources.name, 5)
    other.review.decide(ann, Decision(Kind.ADD, 1, "garment.dress", profile=PROFILE))
    wait_for(lambda: other.resources.index.is_open and not other.resources.index.feeder.pending(), 60)
    record = other.resources.index.tag_record("garment.dress")
    assert record is not None
    assert record["accepted"] == 1


def test_the_lock_of_a_vanished_process_expires(loop: Tagloop) -> None:
    first, second = (LeaderLock(loop.database, "test", name) for name in ("first", "second"))
    assert first.held()
    assert not second.held()
    with loop.database.write() as connection:
        connection.execute(sa.update(duties).where(duties.c.name == "test").values(until=time.time() - 1))
    time.sleep(1.1)
    assert second.held()
    first._checked_at = 0.0
    assert not first.held(), "it notices that it has lost the lock"
    second.release()
    assert LeaderLock(loop.database, "test", "third").held()


def leader(loop: Tagloop) -> str | None:
    with loop.database.read() as connection:
        return connection.execute(sa.select(duties.c.holder).where(duties.c.name == "leader")).scalar()


def test_the_chunk_of_a_vanished_process_is_processed_by_another(loop: Tagloop, other: Tagloop, ann: User) -> None:
    batch = loop.ingest.upload(ann, [(f"{n}.jpg", photo(RED, size=(64, 40 + n))) for n in range(3)], PROFILE)
    with loop.database.write() as connection:
        held = {"worker": "vanished", "leased_until": time.time() + 2}
        connection.execute(sa.update(chunks).values(held))
    other.start()
    time.sleep(1)
    assert loop.ingest.batch(batch).ingested == 0, "it may still be working"
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
