"""Every test gets its own data folder; the deterministic tiny encoder stands in for the model."""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partialmethod
from pathlib import Path
from typing import TypeVar

import pytest
from PIL import Image

from tagging_core import Settings, Tagloop, User
from tagging_core.common.users import Role, local_user
from tests.servers import (
    Chroma,
    ObjectStore,
    Postgres,
    Redis,
    Server,
    start_chroma,
    start_object_store,
    start_postgres,
    start_redis,
)

ON_SERVICES = os.environ.get("TAGLOOP_TEST_ON") == "services"
"""Whether tests run on PostgreSQL, a Chroma server, Redis and an object store (`make test-services`)."""

collect_ignore = [] if ON_SERVICES else ["services"]
if importlib.util.find_spec("torchvision") is None:  # see requirements-gpu.txt; `make test-models` has it
    collect_ignore.append("models")

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 170, 50), (40, 70, 220), (240, 220, 40)


def examples(count: int) -> int:
    """Return the number of Hypothesis examples: fewer on servers, where each takes ten times as long."""
    return max(2, count // 4) if ON_SERVICES else count


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On servers, run only tests that use storage, and skip those whose models are slow."""
    if ON_SERVICES:
        slow = ("proposals_found", "builtin_model", "caption_model", "precision_targets", "its_description")
        on_sqlite = ("test_upgrade",)
        stored = [i for i in items if "installations" in getattr(i, "fixturenames", ()) or "services" in i.nodeid]
        items[:] = [i for i in stored if not any(name in i.nodeid for name in slow + on_sqlite)]


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the machine's settings or another test's data."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TAGLOOP_{name.upper()}", raising=False)
    monkeypatch.setenv("TAGLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TAGLOOP_ENCODER", "tiny")


S = TypeVar("S", bound=Server)


def _if_on_services(start: Callable[[Path], S], folder: Path) -> Iterator[S | None]:
    if not ON_SERVICES:
        yield None
        return
    server = start(folder / "server")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres | None]:
    """PostgreSQL if tests run on servers (`make test-services`); otherwise None, for SQLite."""
    yield from _if_on_services(start_postgres, tmp_path_factory.mktemp("postgres"))


class Installations:
    """Creates and copies installations: a data folder and, on servers, a database."""

    def __init__(self, postgres: Postgres | None) -> None:
        self._postgres = postgres
        self._names: dict[Path, str] = {}

    def new(self, folder: Path, template: str = "template0") -> str:
        """Create an empty database for a folder and return its URL; the URL is empty for SQLite in the folder."""
        if self._postgres is None:
            return ""
        self._names[folder] = f"test_{uuid.uuid4().hex}"
        return self._postgres.create(self._names[folder], template)

    def copy(self, source: Path, folder: Path) -> str:
        """Copy an installation that is not open and return the URL of the copy's database."""
        shutil.copytree(source, folder)
        return self.new(folder, self._names[source]) if self._postgres is not None else ""

    def name(self, folder: Path) -> str:
        """Return the name of a folder's database on the server."""
        return self._names[folder]

    def drop(self, folder: Path) -> None:
        """Drop a folder's database."""
        if self._postgres is not None:
            self._postgres.drop(self._names.pop(folder))


@pytest.fixture(scope="session")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroma | None]:
    """A Chroma server if tests run on servers; otherwise None, for a folder."""
    yield from _if_on_services(start_chroma, tmp_path_factory.mktemp("chroma"))


@pytest.fixture(scope="session")
def queue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis | None]:
    """A Redis server if tests run on servers; otherwise None, for an in-process queue."""
    yield from _if_on_services(start_redis, tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def picture_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore | None]:
    """An object store if tests run on servers; otherwise None, for a folder."""
    yield from _if_on_services(start_object_store, tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="session")
def installations(postgres: Postgres | None) -> Installations:
    return Installations(postgres)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, installations: Installations) -> Path:
    """A fresh installation with a fitted library, created once per session and copied by each test."""
    return make_template(tmp_path_factory.mktemp("template") / "data", installations)


def make_template(folder: Path, installations: Installations) -> Path:
    """Create the installation of `template`."""
    loop = Tagloop(Settings(data_dir=folder, database_url=installations.new(folder), encoder="tiny"))
    loop.model.library.settle()
    loop.close()
    return folder


@pytest.fixture
def data_dir(
    template: Path,
    tmp_path: Path,
    installations: Installations,
    chroma: Chroma | None,
    queue_server: Redis | None,
    picture_server: ObjectStore | None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    folder = tmp_path / "data"
    monkeypatch.setenv("TAGLOOP_DATABASE_URL", installations.copy(template, folder))
    if chroma is not None:
        monkeypatch.setenv("TAGLOOP_CHROMA_URL", chroma.url(f"test-{uuid.uuid4().hex}"))
    if queue_server is not None:
        monkeypatch.setenv("TAGLOOP_QUEUE_URL", queue_server.next_url())
        # With a queue, a console leaves ingestion to workers; here one process does both.
        monkeypatch.setattr(Tagloop, "start", partialmethod(Tagloop.start, ingests=True))
    if picture_server is not None:
        for name, value in picture_server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TAGLOOP_ASSETS_URL", picture_server.bucket(f"test-{uuid.uuid4().hex}"))
    yield folder
    installations.drop(folder)


@pytest.fixture
def embedded(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Chroma and pictures in folders and the queue in process, whatever the other tests run on."""
    for name in ("CHROMA", "QUEUE", "ASSETS"):
        monkeypatch.delenv(f"TAGLOOP_{name}_URL", raising=False)


@pytest.fixture
def loop(data_dir: Path) -> Iterator[Tagloop]:
    """A Tagloop without a running worker: nothing happens in the background."""
    # With one thread, asset ids follow the order of the uploaded files, which tests rely on.
    opened = Tagloop(Settings(data_dir=data_dir, encoder="tiny", ingest_threads=1, blind_share=0, known_share=0))
    yield opened
    opened.close()


@pytest.fixture
def working(loop: Tagloop) -> Tagloop:
    """A Tagloop with a running worker."""
    loop.start()
    return loop


@pytest.fixture
def ann() -> User:
    return local_user("Ann")


@pytest.fixture
def manager() -> User:
    return User("mo", frozenset({Role.MANAGER}))


def photo(
    colour: tuple[int, int, int] = RED, size: tuple[int, int] = (64, 48), kind: str = "JPEG", **options: object
) -> bytes:
    """Return the bytes of a single-colour picture."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until a condition is true; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true in time"
        time.sleep(0.02)


def ingest(loop: Tagloop, user: User, *colours: tuple[int, int, int], profile: str = "e-commerce") -> list[int]:
    """Ingest single-colour pictures and return their asset ids."""
    from sqlalchemy import select

    from tagging_core.storage.schema import items

    files = [(f"{n}.jpg", photo(colour, size=(60 + n, 40))) for n, colour in enumerate(colours)]
    batch_id = loop.ingest.upload(user, files, profile)
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch_id).state == "done")
    with loop.database.read() as connection:
        return list(
            connection.execute(
                select(items.c.asset_id).where(items.c.batch_id == batch_id).order_by(items.c.n)
            ).scalars()
        )
