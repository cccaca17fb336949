"""Page tests check that a page shows the results of the core and calls its services."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from console import page_paths, session
from tagging_core import Tagloop, User
from tagging_core.common.users import Role
from tests.conftest import BLUE, GREEN, RED, ingest
from tests.pages.surface import Surface

FRAME = str(Path(page_paths.__file__).with_name("frame.py"))


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    """Clear Streamlit's caches, which outlive a run in the same process."""
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def console(working: Tagloop, monkeypatch: pytest.MonkeyPatch) -> Tagloop:
    """The Tagloop that the console under test uses."""
    monkeypatch.setattr(session, "loop", lambda: working)
    monkeypatch.setattr(session, "browser_address", lambda: None)
    monkeypatch.setattr(session, "browser_headers", lambda: {"host": "localhost:8501"})
    return working


@pytest.fixture
def operator() -> User:
    return User("op", frozenset({Role.ADMIN}))


@pytest.fixture
def open_page(console: Tagloop, ann: User, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    def open_it(page: str = "", user: User = ann, **query: str) -> AppTest:
        monkeypatch.setattr(session, "identify", lambda: user)
        at = AppTest.from_file(FRAME, default_timeout=30)
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        if page:
            at.switch_page(page).run()
        assert not at.exception
        return at

    return open_it


@pytest.fixture
def assets(console: Tagloop, ann: User) -> list[int]:
    """Three pictures that wait for review."""
    return ingest(console, ann, RED, BLUE, GREEN)


@pytest.fixture
def surface(open_page: Callable[..., AppTest], assets: list[int]) -> Surface:
    """The review surface on `assets`."""
    return Surface(open_page(page_paths.REVIEW))


def plain(text: str) -> str:
    """Return escaped Markdown as it is read."""
    return re.sub(r"\\([^\w\s])", r"\1", text).replace("\\_", "_").replace("\u2060", "")


def press(at: AppTest, label: str) -> AppTest:
    """Click the button with a label."""
    next(b for b in at.button if b.label == label).click().run()
    assert not at.exception
    return at
