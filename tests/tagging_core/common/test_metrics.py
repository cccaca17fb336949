"""Metrics and logs: what an operator sees of a process."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
import subprocess

import pytest
from starlette.testclient import TestClient

from tagging_core import Tagloop, User
from tagging_core.api import server
from tagging_core.app import prometheus
from tagging_core.common import log_context
from tagging_core.ingest import chunks
from tests.conftest import RED, ingest, photo, wait_for


def values(loop: Tagloop) -> dict[str, float]:
    """The samples of the exposition, by name and labels."""
    lines = prometheus.expose(loop).decode().splitlines()
    return {name: float(n) for name, n in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_metrics_cover_work_and_library(loop: Tagloop, ann: User) -> None:
    before = values(loop)
    loop.ingest.upload(ann, [("a.jpg", photo(RED)), ("b.jpg", b"no picture")], "e-commerce")
    waiting = values(loop)
    assert waiting["tagloop_queue_pictures"] == 2
    loop.start()
    wait_for(lambda: values(loop)["tagloop_queue_pictures"] == 0 and values(loop)["tagloop_pictures_in_work"] == 0)
    after = values(loop)

    def increase(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert increase('tagloop_pictures_total{end="done"}') == 1
    assert increase('tagloop_pictures_total{end="refused"}') == 1
    assert increase("tagloop_chunk_seconds_count") == 2
    assert after["tagloop_library_revision"] >= 1
    assert after["tagloop_up"] == after["tagloop_database_up"] == 1
    assert after['tagloop_device_memory_bytes{device="cpu"}'] > 1e8


def test_metrics_count_failures_and_dead_lettered_pictures(
    loop: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(loop.model.suggester, "predict", lambda *_, **__: 1 / 0)
    before = values(loop)["tagloop_chunk_failures_total"]
    batch = loop.ingest.upload(ann, [("a.jpg", photo(RED))], "e-commerce")
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "stopped")
    after = values(loop)
    assert after["tagloop_chunk_failures_total"] - before == chunks.ATTEMPTS
    assert after["tagloop_pictures_put_aside"] == 1


def test_the_exposition_is_valid_for_prometheus(working: Tagloop, ann: User) -> None:
    ingest(working, ann, RED)
    with TestClient(server.Starlette(routes=server.routes(lambda: working))) as client:
        response = client.get("/metrics")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        client.get("/api/v1/profiles")
        client.get("/api/v1/nowhere/at/all")
        text = client.get("/metrics").text
    assert re.search(r'tagloop_request_seconds_count\{operation="\w+",status="401"\} \d', text)
    assert "nowhere" not in text
    if promtool := shutil.which("promtool"):
        checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True)
        assert checked.returncode == 0, checked.stderr.decode()


def test_responses_have_a_request_id(working: Tagloop) -> None:
    with TestClient(server.Starlette(routes=server.routes(lambda: working))) as client:
        assert client.get("/api/v1/profiles", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
        bad = client.get("/api/v1/profiles", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", bad)


@pytest.mark.parametrize("as_json", [True, False])
def test_log_lines_include_their_context(as_json: bool) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log_context._JsonFormatter() if as_json else log_context._TextFormatter())
    logger = logging.getLogger("tagging_core.test")
    logger.addHandler(handler)
    try:
        with log_context.about(batch=7), log_context.about(request="r1"):
            logger.warning("it was %s", "stopped")
        logger.warning("and no more")
    finally:
        logger.removeHandler(handler)
    first, second = stream.getvalue().splitlines()
    if as_json:
        found = json.loads(first)
        assert (found["message"], found["batch"], found["request"]) == ("it was stopped", 7, "r1")
        assert (found["level"], found["logger"]) == ("warning", "tagging_core.test")
        assert "batch" not in json.loads(second)
    else:
        assert first.endswith("WARNING test: it was stopped (batch=7, request=r1)")
        assert second.endswith("and no more")
