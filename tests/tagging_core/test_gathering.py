"""Many callers at a time: each gets the answer to its own question, also while the place closes."""

from __future__ import annotations

import threading

from tagging_core.ingest.micro_batching import MicroBatcher


def test_each_caller_gets_its_own_answer() -> None:
    gatherer: MicroBatcher[int, int] = MicroBatcher(lambda batch: [n * n for n in batch], 2)
    found: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: gatherer.do(n)})) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == {n: n * n for n in range(50)}
    gatherer.close()


def test_who_comes_after_it_was_closed_is_still_served() -> None:
    gatherer: MicroBatcher[int, int] = MicroBatcher(lambda batch: [n + 1 for n in batch], 1)
    gatherer.close()
    assert [gatherer.do(n) for n in range(3)] == [1, 2, 3]
