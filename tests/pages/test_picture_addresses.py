"""The address of a picture is for the browser that a page showed it to, and expires."""

from __future__ import annotations

import time

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from console import image_routes
from console.protection import READER
from tagging_core import Tagloop
from tagging_core.assets import ImageFiles
from tagging_core.storage import open_blobs


@pytest.fixture
def address(console: Tagloop, assets: list[int], monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a thumbnail as a page shows it to the browser "mine"."""
    monkeypatch.setattr(image_routes, "_reader", lambda: "mine")
    files = ImageFiles(open_blobs("", console.settings.data_dir))
    monkeypatch.setattr(image_routes, "_files", lambda: files)
    return image_routes.thumbnail(console.assets.get(assets[0]))


def status(address: str, reader: str | None = "mine") -> int:
    with TestClient(Starlette(routes=image_routes.ROUTES), cookies={READER: reader} if reader else None) as client:
        return client.get(address).status_code


def test_only_the_browser_that_was_shown_it_opens_it(address: str) -> None:
    assert status(address) == 200
    assert status(address, "another") == 403
    assert status(address, None) == 403


def test_it_expires(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + 7200
    monkeypatch.setattr(image_routes.time, "time", lambda: later)
    assert status(address) == 403


@pytest.mark.parametrize("until", ["", "99999999999", "-1", "٣", "1e99", "9" * 5000])
def test_its_end_cannot_be_changed(address: str, until: str) -> None:
    path, _, query = address.partition("?until=")
    assert status(f"{path}?until={until}&{query.partition('&')[2]}") == 403


def test_it_opens_nothing_else(address: str) -> None:
    assert status(address.replace("/thumbnail/", "/original/")) == 403
    assert status(address.partition("&")[0]) == 403
    assert status(f"{address[:-1]}ä") == 403
