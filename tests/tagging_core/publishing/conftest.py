"""An independent reader of metadata."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def exiftool() -> str:
    found = shutil.which("exiftool")
    if found is None and os.environ.get("TAGLOOP_REQUIRE_BROWSER"):
        pytest.fail("exiftool is not installed; `make browser` installs it.")
    return found or pytest.skip("exiftool is not installed")
