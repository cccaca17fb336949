"""The Jobs page: the queue, active workers, and dead-lettered pictures with their retry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Tagloop, User
from tagging_core.embeddings.batching import encode_with_bisection
from tagging_core.ingest import chunks, queue_status
from tests.conftest import RED, ingest, photo, wait_for
from tests.pages.conftest import press

Open = Callable[..., AppTest]


def metric(at: AppTest, label: str) -> str:
    return next(m.value for m in at.metric if m.label == label)


def test_an_empty_queue_is_reported(open_page: Open, operator: User) -> None:
    at = open_page(page_paths.JOBS, operator)
    assert metric(at, "Pictures waiting") == "0"
    assert any("All uploads are done" in c.value for c in at.caption)


def test_active_workers_are_listed(open_page: Open, console: Tagloop, ann: User, operator: User) -> None:
    ingest(console, ann, RED)
    at = open_page(page_paths.JOBS, operator)
    (workers,) = at.dataframe
    assert list(workers.value["worker"]) == [console.resources.name]


def test_dead_letters_show_their_error_and_are_retried(
    open_page: Open, console: Tagloop, ann: User, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_BACKOFF_SECONDS", 0.01)
    with monkeypatch.context() as patch:
        patch.setattr(console.model.suggester, "predict", lambda *_, **__: 1 / 0)
        batch = console.ingest.upload(ann, [("a*b.jpg", photo(RED))], "e-commerce")
        console.start()
        wait_for(lambda: console.ingest.batch(batch).state == "stopped")
    at = open_page(page_paths.JOBS, operator)
    assert any("ZeroDivisionError" in e.value for e in at.error)
    assert any("a*b.jpg" in set(frame.value.get("file", ())) for frame in at.dataframe)
    press(at, "Retry all")
    wait_for(lambda: console.ingest.batch(batch).state == "done")
    at.run()
    assert not at.error


def test_a_batch_is_stopped_and_resumed(
    open_page: Open, console: Tagloop, ann: User, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def blocked_encode(*args: Any, **options: Any) -> Any:
        assert release.wait(30)
        return encode_with_bisection(*args, **options)

    def pictures_in_progress() -> int:
        with console.database.read() as connection:
            return queue_status.load(connection).in_work

    # Blocks before the write lock, which Stop needs, is taken.
    monkeypatch.setattr("tagging_core.ingest.pipeline.encode_with_bisection", blocked_encode)
    batch = console.ingest.upload(ann, [("a.jpg", photo(RED))], "e-commerce")
    console.start()
    wait_for(pictures_in_progress)
    at = open_page(page_paths.JOBS, operator)
    assert metric(at, "In progress") == "1"
    press(at, "Stop")
    assert console.ingest.batch(batch).note == "Stopped by op."
    press(at, "Resume")
    assert console.ingest.batch(batch).state == "running"
    release.set()
    wait_for(lambda: console.ingest.batch(batch).state == "done")
