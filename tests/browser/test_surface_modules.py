"""The console's JavaScript by itself: unit tests in Node, and ESLint.

Without Node or its packages these are skipped, or fail if TAGLOOP_REQUIRE_BROWSER is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SURFACE = ROOT / "tests" / "surface"


def run(program: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    if program is None or not Path(program).exists():
        if os.environ.get("TAGLOOP_REQUIRE_BROWSER"):
            pytest.fail("Node or a package of it is missing, and TAGLOOP_REQUIRE_BROWSER is set.")
        pytest.skip("Node (Debian's package nodejs) or one of its packages (`npm ci`) is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


def test_the_modules_of_the_surface_pass_their_tests() -> None:
    tests = [str(path) for path in sorted(SURFACE.glob("*.test.mjs"))]
    assert tests
    found = run(shutil.which("node"), "--test", *tests)
    assert found.returncode == 0, found.stdout[-4000:]


def test_the_javascript_passes_eslint() -> None:
    found = run(
        str(SURFACE / "node_modules/.bin/eslint"),
        "--config",
        str(SURFACE / "eslint.config.mjs"),
        "--ignore-pattern",
        "**/node_modules",
        "console",
        "tests/surface",
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-2000:]
