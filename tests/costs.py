"""What a piece of work takes, measured in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import NamedTuple


class Cost(NamedTuple):
    """What a piece of work took.

    Attributes:
        megabytes: Memory at its peak, above what the process had before.
        seconds: Processor time.
    """

    megabytes: int
    seconds: float


def cost(work: Callable[[], object]) -> Cost:
    """Do a piece of work in a fork of this process, so that what is loaded here need not be loaded again."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_measure, args=(work, there))
    child.start()
    there.close()
    try:
        return Cost(*here.recv())
    finally:
        child.join()


def _measure(work: Callable[[], object], answer: Connection) -> None:
    idle, started = _peak(), time.process_time()
    work()
    answer.send((_peak() - idle, time.process_time() - started))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
