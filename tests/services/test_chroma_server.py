"""Chroma's server in a folder's place: when it is gone, work goes on; when it comes back, with its records or
without them, it is brought up to date from SQL."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator

import chromadb
import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.errors import StorageError
from tagging_core.search.chroma_backends import ChromaServer
from tests.conftest import BLUE, GREEN, RED, ingest, wait_for
from tests.servers import Chroma

PROFILE = "e-commerce"


def fed(loop: Tagloop) -> None:
    wait_for(lambda: loop.resources.index.is_open and not loop.resources.index.feeder.pending(), 60)


def agrees(loop: Tagloop) -> bool:
    try:
        with loop.database.read() as connection:
            return loop.resources.index.is_open and loop.resources.index.counts() == loop.resources.index.expected(
                connection
            )
    except StorageError:
        return False


@pytest.mark.parametrize("lost", [False, True], ids=["with its records", "without them"])
def test_work_goes_on_while_it_is_gone(loop: Tagloop, ann: User, chroma: Chroma, lost: bool) -> None:
    ingest(loop, ann, RED, BLUE)
    fed(loop)
    chroma.kill()
    if lost:
        shutil.rmtree(chroma.data)
    more = ingest(loop, ann, GREEN, (90, 90, 20))
    with pytest.raises(StorageError, match="does not answer"):
        loop.search.find("red")
    loop.review.decide(ann, Decision(Kind.ADD, more[0], "garment.dress", profile=PROFILE))
    assert loop.review.suggest(more[0], PROFILE)
    wait_for(lambda: loop.worker is not None and "does not answer" in loop.worker.trouble)
    chroma.start()
    wait_for(lambda: agrees(loop) and not loop.resources.index.feeder.pending(), 60)
    assert loop.worker is not None
    wait_for(lambda: loop.worker is not None and not loop.worker.trouble)
    if lost:
        assert loop.worker.chroma.startswith(("made", "rebuilt"))
    record = loop.resources.index.tag_record("garment.dress")
    assert record is not None
    assert record["accepted"] == 1
    assert loop.search.find("red").hits


def test_an_address_that_others_reach_is_refused() -> None:
    with pytest.raises(StorageError, match="resolves to the public address"):
        ChromaServer("http://8.8.8.8:8000")
    with pytest.raises(StorageError, match="is not a valid URL"):
        ChromaServer("127.0.0.1:8000")


def test_the_server_with_the_hole_is_refused(python_server: str) -> None:
    with pytest.raises(StorageError, match="CVE-2026-45829"):
        ChromaServer(python_server).connect()


@pytest.fixture
def python_server() -> Iterator[str]:
    """What Chroma's server in Python answers about its version, which is all that is asked of it."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v2/version" else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(f'"{chromadb.__version__}"'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
