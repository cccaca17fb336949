"""Every example in the README and in docs/ runs; only addresses, keys and files are filled in."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tagging_core import Tagloop
from tagging_core.cli.main import _parser, main
from tests.conftest import BLUE, RED, photo, wait_for

ROOT = Path(__file__).parent.parent.parent
TEXTS = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXTS, re.M | re.S)
CURLS = [line for _, block in BLOCKS for line in block.splitlines() if line.startswith("curl ")]
PYTHON = [block for language, block in BLOCKS if language == "python"]
COMMANDS = [
    line for _, block in BLOCKS for line in block.splitlines() if line.startswith("python -m tagging_core ")
]
# These do not exit, or need an empty data folder; other tests cover them.
ELSEWHERE = ("watch", "serve", "work", "restore")

pytestmark = pytest.mark.usefixtures("files")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the examples refer to."""
    folder = tmp_path / "files"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "a.jpg").write_bytes(photo(RED))
    (folder / "photos" / "b.jpg").write_bytes(photo(BLUE))
    (folder / "photo.jpg").write_bytes(photo(RED))
    (folder / "decisions.csv").write_text("asset,tag,applies\n1,colour.red,1\n")
    task = {"data": {"image": "a.jpg", "asset": 1}, "annotations": []}
    (folder / "export.json").write_text(json.dumps([task]))
    labels = "path,categories,yes,maybe\na.jpg,colour,colour.red,\nb.jpg,colour,colour.blue,\n"
    (folder / "photos" / "labels.csv").write_text(labels)
    monkeypatch.chdir(folder)


def fill_in(example: str, address: str = "", key: str = "") -> str:
    return example.replace("http://localhost:8501/api/v1", address).replace("tagloop_...", key)


def test_there_are_examples() -> None:
    assert len(CURLS) >= 2
    assert len(PYTHON) >= 2
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("example", CURLS)
def test_curl_examples_run(example: str, address: str, token: Callable[..., str]) -> None:
    command = shlex.split(fill_in(example, address, token()))
    done = subprocess.run([*command, "--fail-with-body", "--silent"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    json.loads(done.stdout)


@pytest.mark.parametrize("example", [block for block in PYTHON if "http" in block])
def test_python_examples_run_over_http(
    example: str, address: str, token: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    exec(fill_in(example, address, token()), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("example", [block for block in PYTHON if "http" not in block])
def test_python_examples_run_in_process(example: str, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def wait(loop: Tagloop, batch: int) -> None:
        wait_for(lambda: loop.ingest.batch(batch).state == "done")

    names: dict[str, object] = {"wait": wait}
    exec(example.replace("\n...\n", "\nwait(loop, batch)\n"), names)
    assert capsys.readouterr().out
    names["loop"].close()  # type: ignore[attr-defined]


def test_command_line_examples_run(data_dir: Path) -> None:
    """In the order of the README, each on the state that the earlier ones left."""
    event = 0
    for line in COMMANDS:
        words = shlex.split(line.partition("#")[0])[3:]
        if words[0] in ELSEWHERE:
            _parser().parse_args(words)
            continue
        known = {"PHOTOS": "photos", "LABELS": "photos", "ASSET": "1", "EVENT": str(event)}
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            code = main([*(known.get(word, word) for word in words), "--json"])
        assert code == 0, (line, output.getvalue())
        if words[0] == "decide":
            event = json.loads(output.getvalue().splitlines()[-1])["event"]
