"""Which picture comes next, and that no two users get the same one."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import select, update

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.common.users import local_user
from tagging_core.errors import LeasedError, NotFoundError
from tagging_core.review import leases, queue
from tagging_core.review.queue import Order, QueueProgress, View
from tagging_core.storage.schema import leases as lease_table
from tests.conftest import BLUE, GREEN, RED, YELLOW, ingest

VIEW = View("e-commerce")


@pytest.fixture
def bob() -> User:
    return local_user("Bob")


def next_id(loop: Tagloop, user: User, view: View = VIEW, *seen: int) -> int | None:
    turn = loop.review.assigner.next(user, view, seen)
    return None if turn is None else turn.asset_id


@pytest.mark.parametrize("order", Order)
def test_every_order_yields_each_waiting_picture_once(loop: Tagloop, ann: User, order: Order) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    view = View("e-commerce", order=order)
    seen: list[int] = []
    while (
        found := next_id(loop, ann, view, *(a for a in seen if a == assets[0]))
    ) is not None and found not in seen:
        seen.append(found)
        if found != assets[0]:
            loop.review.decide(ann, Decision(Kind.DONE, found, profile="e-commerce"))
    assert sorted(seen) == assets
    assert next_id(loop, ann, view, assets[0]) == assets[0]  # only viewed: it is still waiting
    loop.review.decide(ann, Decision(Kind.SKIP, assets[0], profile="e-commerce"))
    assert next_id(loop, ann, view) is None


def test_newest_first_reverses_the_upload_order(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN)
    assert next_id(loop, ann, View("e-commerce", order=Order.BATCH)) == assets[0]
    assert next_id(loop, ann, View("e-commerce", order=Order.NEWEST)) == assets[2]


def test_a_batch_view_yields_only_its_own_pictures(loop: Tagloop, ann: User) -> None:
    ingest(loop, ann, RED, BLUE)
    own = ingest(loop, ann, (9, 9, 9))
    assert next_id(loop, ann, View("e-commerce", batch_id=2)) == own[0]


def test_two_people_are_not_given_the_same_picture(loop: Tagloop, ann: User, bob: User) -> None:
    ingest(loop, ann, RED, BLUE)
    own, others = next_id(loop, ann), next_id(loop, bob)
    assert own != others
    assert next_id(loop, local_user("Eve")) is None
    assert next_id(loop, ann) == own  # a reload


def test_leases_hold_across_processes(loop: Tagloop, ann: User, bob: User) -> None:
    ingest(loop, ann, RED, BLUE)
    other_process = Tagloop(Settings(**loop.settings.model_dump()))
    assert next_id(loop, ann) != next_id(other_process, bob)
    other_process.close()


def test_many_threads_never_share_a_picture(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, *[(n, 40, 40) for n in range(0, 240, 10)])
    got: list[int | None] = []
    people = [local_user(f"P{n}") for n in range(8)]

    def work(user: User) -> None:
        for _ in range(3):
            found = next_id(loop, user)
            got.append(found)
            loop.review.decide(user, Decision(Kind.DONE, found or 0, profile="e-commerce"))

    threads = [threading.Thread(target=work, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(a for a in got if a) == assets


def test_a_picture_open_elsewhere_cannot_be_decided_until_taken_over(loop: Tagloop, ann: User, bob: User) -> None:
    (asset,) = ingest(loop, ann, RED)
    assert loop.review.assigner.take(ann, asset)
    assert not loop.review.assigner.take(bob, asset)
    with pytest.raises(LeasedError, match="Ann has had picture 1 open"):
        loop.review.decide(bob, Decision(Kind.DONE, asset, profile="e-commerce"))
    assert loop.review.assigner.take(bob, asset, force=True)
    loop.review.decide(bob, Decision(Kind.ACCEPT, asset, "garment.dress", profile="e-commerce"))
    with pytest.raises(LeasedError, match="Bob has had"):
        loop.review.decide(ann, Decision(Kind.DONE, asset, profile="e-commerce"))


def test_a_lease_expires_and_is_released_when_its_holder_moves_on(loop: Tagloop, ann: User, bob: User) -> None:
    assets = ingest(loop, ann, RED, BLUE)
    first = next_id(loop, ann)
    second = next_id(loop, ann, VIEW, first or 0)
    assert {first, second} == set(assets)
    assert next_id(loop, bob) == first  # released
    with loop.database.write() as connection:
        connection.execute(update(lease_table).values(until=time.time() - 1))
    with loop.database.read() as connection:
        assert leases.of_others(connection, bob) == {}
    assert loop.review.assigner.take(bob, second or 0)


def test_released_leases_leave_no_rows(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE)
    loop.review.assigner.take_many(ann, assets)
    loop.review.assigner.release(ann, assets)
    with loop.database.read() as connection:
        assert connection.execute(select(lease_table)).all() == []
    with pytest.raises(NotFoundError):
        loop.review.assigner.take(ann, 999)


def test_counts_are_exact_in_each_state_and_batch(loop: Tagloop, ann: User) -> None:
    assets = ingest(loop, ann, RED, BLUE, GREEN, YELLOW)
    ingest(loop, ann, YELLOW, RED)  # other sizes, so other pictures, except the first
    for kind, asset in zip((Kind.DONE, Kind.SKIP, Kind.FLAG), assets, strict=False):
        loop.review.decide(
            ann, Decision(kind, asset, profile="e-commerce", note="odd" if kind == Kind.FLAG else "")
        )
    for _ in range(2):
        with loop.database.read() as connection:
            assert queue.progress(connection, 1) == QueueProgress(waiting=1, done=1, skipped=1, flagged=1)
            assert queue.progress(connection, 2) == QueueProgress(waiting=2, done=0, skipped=0)
            assert queue.progress(connection) == QueueProgress(waiting=3, done=1, skipped=1, flagged=1)
            for state, asset in zip(("done", "skipped", "flagged"), assets, strict=False):
                assert queue.next_assets(connection, View(batch_id=1, state=state)) == [asset]
        loop.rebuild(ann)
