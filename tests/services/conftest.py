"""Tests on real servers; every installation here uses them, whatever the other tests run on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagging_core import Settings, Tagloop
from tests.conftest import Installations, make_template
from tests.servers import (
    Chroma,
    ObjectStore,
    Postgres,
    RabbitMQ,
    Redis,
    start_chroma,
    start_object_store,
    start_postgres,
    start_rabbitmq,
    start_redis,
)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = start_postgres(tmp_path_factory.mktemp("postgres") / "server")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def installations(postgres: Postgres) -> Installations:
    return Installations(postgres)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, installations: Installations) -> Path:
    return make_template(tmp_path_factory.mktemp("template") / "data", installations)


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Chroma]:
    """One per test, since tests kill it."""
    server = start_chroma(tmp_path / "chroma-server")
    yield server
    server.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = start_redis(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def rabbitmq(tmp_path: Path) -> Iterator[RabbitMQ]:
    server = start_rabbitmq(tmp_path / "rabbitmq")
    yield server
    server.stop()


@pytest.fixture
def object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    server = start_object_store(tmp_path / "object-store")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


@pytest.fixture
def queue_server() -> None:
    """None: tests here start their own brokers."""


@pytest.fixture
def picture_server() -> None:
    """None: tests here start their own object stores."""


@pytest.fixture
def settings(data_dir: Path, chroma: Chroma) -> Settings:
    """The settings of an installation on the servers."""
    url = chroma.url(f"test-{uuid.uuid4().hex}")
    return Settings(
        data_dir=data_dir, chroma_url=url, encoder="tiny", ingest_threads=2, blind_share=0, known_share=0
    )


@pytest.fixture
def loop(settings: Settings) -> Iterator[Tagloop]:
    opened = Tagloop(settings)
    yield opened
    opened.close()
