"""The surface's own tests, in Node; without it they are skipped, or fail if TAGLOOP_REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_modules_of_the_surface_pass_their_tests() -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("TAGLOOP_REQUIRE_BROWSER"):
            pytest.fail("Node is missing, and TAGLOOP_REQUIRE_BROWSER is set.")
        pytest.skip("Node is not installed (Debian's package nodejs)")
    tests = [str(path) for path in sorted((ROOT / "tests" / "surface").glob("*.test.mjs"))]
    found = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False)
    assert tests
    assert found.returncode == 0, found.stdout[-4000:]
