"""The servers of an installation beyond one machine, on loopback, and workers as processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.served import ROOT
from tests import servers


@contextlib.contextmanager
def full_set(folder: Path, broker: str = "redis", objects: bool = True) -> Iterator[None]:
    """PostgreSQL, Chroma, a broker and an object store; the environment says where they are.

    Args:
        folder: An empty one, for what they write.
        broker: `redis` or `rabbitmq`.
        objects: Whether there is an object store; the one of the tests takes 15 ms of a core a request, as no real
            one would, so what is measured of workers had better go without: each then has a folder of its own.
    """
    with contextlib.ExitStack() as stack:

        def started(server: servers.Server) -> servers.Server:
            stack.callback(server.stop)
            return server

        postgres = servers.start_postgres(folder / "postgres")
        started(postgres)
        chroma = servers.start_chroma(folder / "chroma")
        started(chroma)
        start_broker = servers.start_redis if broker == "redis" else servers.start_rabbitmq
        queue = start_broker(folder / broker)
        started(queue)
        variables = {
            "TAGLOOP_DATABASE_URL": postgres.create("benchmark"),
            "TAGLOOP_CHROMA_URL": chroma.url("benchmark"),
            "TAGLOOP_QUEUE_URL": queue.url,
        }
        if objects:
            store = servers.start_object_store(folder / "objects")
            started(store)
            variables |= store.environment() | {"TAGLOOP_ASSETS_URL": store.bucket("benchmark")}
        os.environ.update(variables)
        stack.callback(lambda: [os.environ.pop(name) for name in variables])
        yield


@contextlib.contextmanager
def workers(
    folder: Path, count: int, command: tuple[str, ...] = ("tagging_core", "work"), niceness: int = 0
) -> Iterator[list]:
    """So many worker processes, each with a data folder of its own; ended in order.

    Args:
        niceness: More than 0 where they stand for those of other machines, and others here should go first.
    """
    processes = []
    for n in range(count):
        environment = os.environ | {"TAGLOOP_DATA_DIR": str(folder / f"worker-{n}")}
        with (folder / f"worker-{n}.log").open("wb") as log:
            started = ["nice", "-n", str(niceness), sys.executable, "-m", *command]
            processes.append(subprocess.Popen(started, cwd=ROOT, env=environment, stdout=log, stderr=log))
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)
