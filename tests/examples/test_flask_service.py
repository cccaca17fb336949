from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tagging_core import Tagloop
from tagging_core.api import Operations
from tests.conftest import BLUE, RED, photo, wait_for

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "flask_service.py"


@pytest.fixture
def browser(address: str, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A test client of the example."""
    monkeypatch.setenv("TAGLOOP_URL", address)
    monkeypatch.setenv("TAGLOOP_KEY", token())
    spec = importlib.util.spec_from_file_location("flask_service", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app.test_client()


def test_keywords_are_returned_and_the_picture_is_not_stored(browser: FlaskClient, working: Tagloop) -> None:
    response = browser.post("/keywords", data={"picture": (io.BytesIO(photo(RED)), "red.jpg")})
    assert response.status_code == 200
    assert isinstance(response.json["keywords"], list)
    assert working.search.find(limit=10).hits == []


def test_search_finds_pictures(browser: FlaskClient, working: Tagloop) -> None:
    from tagging_core.common.users import local_user

    for name, colour in (("red.jpg", RED), ("blue.jpg", BLUE)):
        Operations(working, local_user("CMS")).pictures.tag(photo(colour), name)
    wait_for(lambda: not working.resources.index.feeder.pending())
    assert browser.get("/search?q=blue").json[0]["name"] == "blue.jpg"


def test_errors_are_reported(browser: FlaskClient) -> None:
    assert browser.post("/keywords").status_code == 400
    response = browser.post("/keywords", data={"picture": (io.BytesIO(b"no picture"), "a.jpg")})
    assert response.status_code == 422
    assert "Not a picture" in response.json["error"]
