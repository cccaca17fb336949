from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import BLUE, RED, photo

ROOT = Path(__file__).parent.parent.parent


def test_a_folder_is_tagged(address: str, token: Callable[..., str], tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo(RED))
    (folder / "b.jpg").write_bytes(photo(BLUE))
    (folder / "c.txt").write_text("no picture")
    command = [sys.executable, "examples/tag_a_folder.py", address, token(), str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "(picture 1)" in lines[0]
    assert "%" in lines[1]
    assert "Not a picture" in lines[2]
