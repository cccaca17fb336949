from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from console import page_paths
from tagging_core import Tagloop, User
from tagging_core.search.chroma_feeder import ChromaFeeder
from tests.conftest import RED, ingest


def test_the_search_page_says_that_the_index_is_being_filled(
    console: Tagloop, ann: User, open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChromaFeeder, "feed", lambda *_, **__: 0)
    ingest(console, ann, RED)
    (info,) = open_page(page_paths.SEARCH, q="red whatever").info
    assert "index is being filled" in info.value
