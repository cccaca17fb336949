"""A Chroma server instead of a folder: work continues during an outage, and afterwards the index is brought up to
date from SQL, whether or not the server kept its records."""

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


def wait_until_indexed(loop: Tagloop) -> None:
    wait_for(lambda: loop.resources.index.is_open and not loop.resources.index.feeder.pending(), 60)


def index_is_complete(loop: Tagloop) -> bool:
    try:
        with loop.database.read() as connection:
            return loop.resources.index.is_open and loop.resources.index.counts() == loop.resources.index.expected(
                connection
            )
    except StorageError:
        return False


@pytest.mark.parametrize("data_lost", [False, True], ids=["records kept", "records lost"])
def test_work_continues_during_a_chroma_outage(loop: Tagloop, ann: User, chroma: Chroma, data_lost: bool) -> None:
    ingest(loop, ann, RED, BLUE)
    wait_until_indexed(loop)
    chroma.kill()
    if data_lost:
        shutil.rmtree(chroma.data)
    more = ingest(loop, ann, GREEN, (90, 90, 20))
    with pytest.raises(StorageError, match="does not answer"):
        loop.search.find("red")
    loop.review.decide(ann, Decision(Kind.ADD, more[0], "garment.dress", profile=PROFILE))
    assert loop.review.suggest(more[0], PROFILE)
    wait_for(lambda: loop.worker is not None and "does not answer" in loop.worker.trouble)
    chroma.start()
    wait_for(lambda: index_is_complete(loop) and not loop.resources.index.feeder.pending(), 60)
    assert loop.worker is not None
    wait_for(lambda: loop.worker is not None and not loop.worker.trouble)
    if data_lost:
        assert loop.worker.chroma.startswith(("made", "rebuilt"))
    record = loop.resources.index.tag_record("garment.dress")
    assert record is not None
    assert record["accepted"] == 1
    assert loop.search.find("red").hits


def test_public_addresses_and_invalid_urls_are_refused() -> None:
    with pytest.raises(StorageError, match="resolves to the public address"):
        ChromaServer("http://8.8.8.8:8000")
    with pytest.raises(StorageError, match="is not a valid URL"):
        ChromaServer("127.0.0.1:8000")


def test_the_vulnerable_python_server_is_refused(python_server: str) -> None:
    with pytest.raises(StorageError, match="CVE-2026-45829"):
        ChromaServer(python_server).connect()


@pytest.fixture
def python_server() -> Iterator[str]:
    """A stand-in for Chroma's Python server that answers only the version request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v2/version" else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(f'"{chromadb.__version__}"'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
