"""A search says when pictures are still missing from the index, instead of that nothing matches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tagging_core import Tagloop, User
from tagging_core.cli import commands
from tagging_core.cli.main import main
from tagging_core.search.chroma_feeder import ChromaFeeder
from tests.conftest import BLUE, ON_SERVICES, RED, ingest, photo, wait_for
from tests.service import service, token

__all__ = ["service", "token"]

QUERY = "red whatever"


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The index gets no pictures until the returned function is called."""
    feed = ChromaFeeder.feed
    monkeypatch.setattr(ChromaFeeder, "feed", lambda *_, **__: 0)
    return lambda: monkeypatch.setattr(ChromaFeeder, "feed", feed)


def test_a_search_says_that_the_index_is_being_filled(loop: Tagloop, ann: User, stuck: Callable[[], None]) -> None:
    ingest(loop, ann, RED, BLUE)
    empty = loop.search.find(QUERY)
    assert (empty.hits, empty.indexing) == ([], True)
    stuck()
    loop.wake()
    wait_for(lambda: not loop.search.find(QUERY).indexing)
    assert [hit.asset_id for hit in loop.search.find(QUERY).hits] == [1]


def test_rest_says_that_the_index_is_being_filled(
    service: TestClient, token: Callable[..., str], working: Tagloop, ann: User, stuck: Callable[[], None]
) -> None:
    ingest(working, ann, RED)
    key = {"authorization": f"Bearer {token()}"}
    found = service.get(f"/api/v1/search?text={QUERY}", headers=key).json()
    assert (found["hits"], found["indexing"]) == ([], True)
    stuck()
    working.wake()
    wait_for(lambda: not service.get(f"/api/v1/search?text={QUERY}", headers=key).json()["indexing"])


@pytest.fixture
def ingested(data_dir: Path, tmp_path: Path) -> Path:
    """A data folder whose pictures the command line ingested, as a process that ended at once."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(photo(RED))
    assert main(["ingest", str(tmp_path / "photos")]) == 0
    return data_dir


def test_the_command_line_finds_pictures_right_after_ingest(
    ingested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", QUERY]) == 0
    assert "a.jpg" in capsys.readouterr().out


@pytest.mark.skipif(ON_SERVICES, reason="a Chroma server has no folder of ours")
def test_the_command_line_finds_pictures_after_chroma_was_lost(
    ingested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["search", QUERY])
    shutil.rmtree(ingested / "chroma")
    capsys.readouterr()
    assert main(["search", QUERY]) == 0
    assert "a.jpg" in capsys.readouterr().out


@pytest.mark.skipif(ON_SERVICES, reason="a Chroma server has no folder of ours")
def test_the_command_line_says_that_the_index_is_being_filled(
    ingested: Path, capsys: pytest.CaptureFixture[str], stuck: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_INDEX_SECONDS", 0.5)
    shutil.rmtree(ingested / "chroma")
    capsys.readouterr()
    assert main(["search", QUERY]) == 1
    assert "index is being filled" in capsys.readouterr().out
