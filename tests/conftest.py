"""Every test gets its own data folder; the deterministic tiny encoder stands for the model."""

from __future__ import annotations

import importlib.util
import io
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tagging_core import Settings, Tagloop, User
from tagging_core.people import Role, local_user

if importlib.util.find_spec("torchvision") is None:  # see requirements-gpu.txt; `make test-models` has it
    collect_ignore = ["models"]

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 170, 50), (40, 70, 220), (240, 220, 40)


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the machine's settings or another test's data."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TAGLOOP_{name.upper()}", raising=False)
    monkeypatch.setenv("TAGLOOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TAGLOOP_ENCODER", "tiny")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh installation with a fitted library, made once a session and copied by each test."""
    folder = tmp_path_factory.mktemp("template") / "data"
    loop = Tagloop(Settings(data_dir=folder, encoder="tiny"))
    loop.library.settle()
    loop.close()
    return folder


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def loop(data_dir: Path) -> Iterator[Tagloop]:
    """A Tagloop without a worker: nothing happens but what the test does."""
    # One thread numbers the pictures in the order they were given, which tests may then rely on.
    opened = Tagloop(Settings(data_dir=data_dir, encoder="tiny", ingest_threads=1, blind_share=0, known_share=0))
    yield opened
    opened.close()


@pytest.fixture
def working(loop: Tagloop) -> Tagloop:
    """A Tagloop whose worker runs."""
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
    """A plain picture's file."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Fail if a condition does not come true in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def ingest(loop: Tagloop, user: User, *colours: tuple[int, int, int], profile: str = "e-commerce") -> list[int]:
    """Take plain pictures in and return their asset ids."""
    from sqlalchemy import select

    from tagging_core.store.tables import items

    files = [(f"{n}.jpg", photo(colour, size=(60 + n, 40))) for n, colour in enumerate(colours)]
    batch_id = loop.upload(user, files, profile)
    loop.start()
    wait_for(lambda: loop.batch(batch_id).state == "done")
    with loop.database.read() as connection:
        return list(
            connection.execute(
                select(items.c.asset_id).where(items.c.batch_id == batch_id).order_by(items.c.n)
            ).scalars()
        )
