"""Several processes over one database: they share the work, and what must not be done twice only one does."""

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
def beside(loop: Tagloop, settings: Settings) -> Iterator[Tagloop]:
    """A second process on the same servers and files."""
    second = Tagloop(settings)
    yield second
    second.close()


def test_without_a_queue_one_of_them_does_a_batch_whoever_was_given_it(
    loop: Tagloop, beside: Tagloop, ann: User
) -> None:
    loop.start()
    wait_for(lambda: holder(loop) == loop.resources.name)
    beside.start()
    files = [(f"{n}.jpg", photo((n % 256, 3 * n % 256, 90), size=(64, 40 + n))) for n in range(400)]
    batch = beside.ingest.upload(ann, files, PROFILE)
    wait_for(lambda: beside.ingest.batch(batch).finished > 32, 30)
    loop.close()
    wait_for(lambda: beside.ingest.batch(batch).state == "done", 90)
    with beside.database.read() as connection:
        workers = set(connection.execute(sa.select(chunks.c.worker)).scalars())
        states = set(connection.execute(sa.select(items.c.state)).scalars())
        pictures = connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar_one()
    assert workers == {loop.resources.name, beside.resources.name}
    assert states == {"done"}
    assert pictures == 400


def test_what_one_is_told_the_other_knows_within_a_second(loop: Tagloop, beside: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, (215, 35, 30), GREEN, BLUE)
    beside.start()
    wait_for(lambda: beside.resources.index.is_open)
    before = beside.model.library.matrix().revision
    loop.review.decide(ann, Decision(Kind.REJECT, assets[0], "colour.red", profile=PROFILE))
    wait_for(lambda: beside.model.library.matrix().revision > before, 1)
    assert beside.review.suggest(assets[1], PROFILE)
    wait_for(lambda: not beside.resources.index.feeder.pending(), 60)
    assert beside.search.find("green").hits


def test_one_process_leads_and_another_takes_over(loop: Tagloop, beside: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED)
    beside.start()
    wait_for(lambda: holder(loop) == loop.resources.name)
    time.sleep(1.5)
    assert holder(loop) == loop.resources.name
    loop.close()
    wait_for(lambda: holder(beside) == beside.resources.name, 5)
    beside.review.decide(ann, Decision(Kind.ADD, 1, "garment.dress", profile=PROFILE))
    wait_for(lambda: beside.resources.index.is_open and not beside.resources.index.feeder.pending(), 60)
    record = beside.resources.index.tag_record("garment.dress")
    assert record is not None
    assert record["accepted"] == 1


def test_the_duty_of_one_that_vanished_ends(loop: Tagloop) -> None:
    first, second = (LeaderLock(loop.database, "test", name) for name in ("first", "second"))
    assert first.held()
    assert not second.held()
    with loop.database.write() as connection:
        connection.execute(sa.update(duties).where(duties.c.name == "test").values(until=time.time() - 1))
    time.sleep(1.1)
    assert second.held()
    first._checked_at = 0.0
    assert not first.held(), "it hears that it has lost it"
    second.release()
    assert LeaderLock(loop.database, "test", "third").held()


def holder(loop: Tagloop) -> str | None:
    with loop.database.read() as connection:
        return connection.execute(sa.select(duties.c.holder).where(duties.c.name == "leader")).scalar()


def test_the_chunk_of_one_that_vanished_is_done_by_another(loop: Tagloop, beside: Tagloop, ann: User) -> None:
    batch = loop.ingest.upload(ann, [(f"{n}.jpg", photo(RED, size=(64, 40 + n))) for n in range(3)], PROFILE)
    with loop.database.write() as connection:
        held = {"worker": "vanished", "leased_until": time.time() + 2}
        connection.execute(sa.update(chunks).values(held))
    beside.start()
    time.sleep(1)
    assert loop.ingest.batch(batch).ingested == 0, "it may still be at work"
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
