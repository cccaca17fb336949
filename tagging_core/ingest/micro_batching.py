"""Gathering: what callers bring one by one, at the same time, is worked on together.

There is no waiting for company: whoever comes while a worker is free starts at once, and all who come while none is
make the next batch. So one caller is as fast as ever, and many together are as fast as batches.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from tagging_core.errors import BusyError

R = TypeVar("R")
S = TypeVar("S")

_MOST = 32
_WAITING_MOST = 256
"""Callers that may wait; one that comes on top is refused, since it would give up before its turn."""


class MicroBatcher(Generic[R, S]):
    """Works on what many callers bring.

    Args:
        work: Turns a batch into a result, or an error, for each.
        at_once: Batches that may be in work at the same time.
    """

    def __init__(self, work: Callable[[Sequence[R]], Sequence[S | Exception]], at_once: int) -> None:
        self._work, self._free = work, at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="gather")
        self._lock = threading.Lock()
        self._waiting: deque[tuple[R, Hashable, Future[S]]] = deque()

    def do(self, request: R, kind: Hashable = None) -> S:
        """Have a request worked on, together with others of its kind; waits for its turn.

        Raises:
            BusyError: Too many are waiting.
            Exception: Whatever the work found wrong with this request.
        """
        mine: Future[S] = Future()
        with self._lock:
            if len(self._waiting) >= _WAITING_MOST:
                raise BusyError(f"{_WAITING_MOST} requests are waiting. Try again in a few seconds.")
            self._waiting.append((request, kind, mine))
            starts = self._free > 0
            self._free -= starts
        if starts:
            try:
                self._pool.submit(self._work_off)
            except RuntimeError:  # closed since it was chosen: another model took its place
                self._work_off()
        return mine.result()

    def close(self) -> None:
        """Let the threads end; whoever still comes is served by their own."""
        self._pool.shutdown(wait=False)

    def _work_off(self) -> None:
        while batch := self._next():
            try:
                results = self._work([request for request, _, _ in batch])
            except BaseException as error:
                for _, _, caller in batch:
                    caller.set_exception(error)
                continue
            for (_, _, caller), result in zip(batch, results, strict=True):
                if isinstance(result, Exception):
                    caller.set_exception(result)
                else:
                    caller.set_result(result)

    def _next(self) -> list[tuple[R, Hashable, Future[S]]]:
        """The requests at the head that are of one kind; none, and a place is free, if nothing waits."""
        with self._lock:
            batch: list[tuple[R, Hashable, Future[S]]] = []
            while self._waiting and len(batch) < _MOST and self._waiting[0][1] == (batch or self._waiting)[0][1]:
                batch.append(self._waiting.popleft())
            self._free += not batch
            return batch
