"""Micro-batching: concurrent single requests are processed in batches.

There is no batching delay: a request starts at once if a slot is free, and requests that arrive while all slots are
busy form the next batch. So a single caller has no added latency, and many callers get the throughput of batches.
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
"""Queue limit; further requests are refused at once, since their callers would time out before their turn."""


class MicroBatcher(Generic[R, S]):
    """Batches requests of many callers.

    Args:
        work: Processes a batch; returns a result or an exception for each request.
        at_once: Number of slots: batches processed at the same time.
    """

    def __init__(self, work: Callable[[Sequence[R]], Sequence[S | Exception]], at_once: int) -> None:
        self._work, self._free = work, at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="micro-batch")
        self._lock = threading.Lock()
        self._waiting: deque[tuple[R, Hashable, Future[S]]] = deque()

    def do(self, request: R, kind: Hashable = None) -> S:
        """Process a request, possibly in a batch with others of equal kind, and wait for its result.

        Raises:
            BusyError: Too many requests are queued.
            Exception: The exception that `work` returned for this request, or raised.
        """
        future: Future[S] = Future()
        with self._lock:
            if len(self._waiting) >= _WAITING_MOST:
                raise BusyError(f"{_WAITING_MOST} requests are waiting. Try again in a few seconds.")
            self._waiting.append((request, kind, future))
            starts = self._free > 0
            self._free -= starts
        if starts:
            try:
                self._pool.submit(self._drain)
            except RuntimeError:  # closed meanwhile, because another model was activated
                self._drain()
        return future.result()

    def close(self) -> None:
        """Release the threads; later requests run on the caller's thread."""
        self._pool.shutdown(wait=False)

    def _drain(self) -> None:
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
        """Take the requests of one kind from the head of the queue; if it is empty, free the slot."""
        with self._lock:
            batch: list[tuple[R, Hashable, Future[S]]] = []
            while self._waiting and len(batch) < _MOST and self._waiting[0][1] == (batch or self._waiting)[0][1]:
                batch.append(self._waiting.popleft())
            self._free += not batch
            return batch
