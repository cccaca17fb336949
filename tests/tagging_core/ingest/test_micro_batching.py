"""Concurrent callers share batches, each gets its own result, and the queue is bounded."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from tagging_core.errors import BusyError
from tagging_core.ingest import micro_batching
from tagging_core.ingest.micro_batching import MicroBatcher
from tests.conftest import wait_for


class Squares:
    """Squares numbers on one worker, which finishes no batch before `release` is set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.release = threading.Event()
        self.callers = ThreadPoolExecutor(64)
        self.batcher: MicroBatcher[int, int] = MicroBatcher(self._work, at_once=1)
        self.first = self.callers.submit(self.batcher.do, 0)
        wait_for(lambda: self.batches == [[0]])

    def _work(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.release.wait(10)
        return [n * n for n in numbers]

    def queue(self, numbers: Iterable[int], kind: Hashable = None) -> list[Future[int]]:
        """Ask for each number from a thread of its own; returns when all of them wait."""
        before = len(self.batcher._waiting)
        asked = [self.callers.submit(self.batcher.do, n, kind) for n in numbers]
        wait_for(lambda: len(self.batcher._waiting) == before + len(asked))
        return asked


@pytest.fixture
def busy() -> Iterator[Squares]:
    """A batcher whose only worker is busy with the number 0."""
    squares = Squares()
    yield squares
    squares.release.set()
    squares.callers.shutdown()
    squares.batcher.close()


def test_callers_that_wait_share_a_batch_and_each_gets_its_own_result(busy: Squares) -> None:
    asked = [busy.first, *busy.queue(range(1, 50))]
    busy.release.set()
    assert [future.result(10) for future in asked] == [n * n for n in range(50)]
    assert [len(batch) for batch in busy.batches] == [1, 32, 17]


def test_requests_of_different_kinds_never_share_a_batch(busy: Squares) -> None:
    asked = [*busy.queue([1, 2], "news"), *busy.queue([3], "social"), *busy.queue([4], "news")]
    busy.release.set()
    wait(asked, 10)
    assert [sorted(batch) for batch in busy.batches] == [[0], [1, 2], [3], [4]]


def test_two_workers_work_on_two_batches_at_the_same_time() -> None:
    together = threading.Barrier(2)

    def work(numbers: Sequence[int]) -> list[int]:
        together.wait(5)  # raises if the other batch does not start
        return [n * n for n in numbers]

    batcher: MicroBatcher[int, int] = MicroBatcher(work, at_once=2)
    with ThreadPoolExecutor(2) as callers:
        assert list(callers.map(batcher.do, [2, 3], ["news", "social"])) == [4, 9]
    batcher.close()


def test_a_full_queue_refuses_further_callers_until_it_drains(
    busy: Squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(micro_batching, "_WAITING_MOST", 3)
    asked = busy.queue([1, 2, 3])
    refused = busy.callers.submit(busy.batcher.do, 4)
    wait([refused], 1)  # an unbounded queue would keep it
    busy.release.set()
    with pytest.raises(BusyError, match="3 requests are waiting"):
        refused.result(10)
    assert [future.result(10) for future in asked] == [1, 4, 9]
    assert busy.batcher.do(5) == 25


def test_calls_after_close_are_still_served() -> None:
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda batch: [n + 1 for n in batch], 1)
    batcher.close()
    assert [batcher.do(n) for n in range(3)] == [1, 2, 3]
