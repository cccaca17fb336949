"""Every command refuses a path, port or id that it cannot use in one line, never with a traceback."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tagging_core import Tagloop, User
from tagging_core.cli.main import main
from tests.conftest import RED, ingest

READING = ["teach", "label-studio", "restore", "starter adopt", "starter build"]
CUT, BINARY = "[]".encode("utf-16")[:-1], bytes(range(256))


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail, and return its error."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return str(json.loads(line)["error"])


@pytest.mark.parametrize("name", ["missing", "", "a.txt/b"])
@pytest.mark.parametrize("command", READING)
def test_a_path_that_cannot_be_read_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    (tmp_path / "a.txt").touch()
    assert str(tmp_path / name) in fails(capsys, *command.split(), str(tmp_path / name))


@pytest.mark.parametrize(
    ("command", "data", "message"),
    [
        ("teach", CUT, "the UTF-16 file ends in the middle of a character"),
        ("teach", BINARY, "is not UTF-8"),
        ("teach", b"", "the file is empty"),
        ("label-studio", CUT, "the UTF-16 file ends in the middle of a character"),
        ("label-studio", BINARY, "is not UTF-8"),
        ("label-studio", b"", "the file is not JSON"),
    ],
)
def test_a_file_that_is_no_text_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, data: bytes, message: str
) -> None:
    assert message in fails(capsys, command, str(_write(tmp_path / "file", data)))


@pytest.mark.parametrize("name", ["missing/x", "", "a.txt/b"])
@pytest.mark.parametrize("command", ["export", "backup"])
def test_a_path_that_cannot_be_written_is_refused(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    (tmp_path / "a.txt").touch()
    assert str(tmp_path / name) in fails(capsys, command, str(tmp_path / name))


def test_serving_on_a_port_in_use_is_refused(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be opened" in fails(capsys, "serve", "--port", str(port))


def test_serving_a_data_folder_twice_is_refused(
    loop: Tagloop, ann: User, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest(loop, ann, RED)  # runs the worker
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    assert "Another Tagloop console uses" in fails(capsys, "serve", "--port", str(port))


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port", "99999"],
        ["work", "--metrics-port", "-1"],
        ["export", "x.csv", "--batch", "9" * 20],
        ["key", "revoke", "9" * 20],
        ["search", "x", "--limit", "0"],
        ["search", "x", "--limit", "²"],
    ],
)
def test_a_number_out_of_range_is_refused(
    data_dir: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "is not a whole number from" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["9" * 19, "9" * 30, "²"])
def test_undoing_what_does_not_exist_is_refused(
    data_dir: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    assert "There is no decision" in fails(capsys, "undo", what)


def test_a_file_with_nothing_new_says_so(
    loop: Tagloop, ann: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (picture,) = ingest(loop, ann, RED)
    tasks = [{"data": {"asset": picture}, "annotations": [{"result": [{"value": {"choices": ["Dress"]}}]}]}]
    file = _write(tmp_path / "tasks.json", json.dumps(tasks).encode("utf-8-sig"))
    capsys.readouterr()
    assert main(["label-studio", str(file), "--profile", "e-commerce"]) == 0
    assert capsys.readouterr().out.startswith("2 decisions recorded as group")
    assert main(["label-studio", str(file), "--profile", "e-commerce"]) == 0
    assert capsys.readouterr().out == "Nothing to record: all of this is decided already.\n"
