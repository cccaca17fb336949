"""Parses an import file in a process of its own, which ends when the file takes too much time or memory."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
import time
from pathlib import Path

from tagging_core.curation import formats
from tagging_core.curation.formats import File
from tagging_core.errors import ImportRefusedError

MAX_BYTES = 100_000_000
MAX_MEMORY = 400_000_000
"""Bytes that a file may take beyond what the process has before."""

MAX_SECONDS = 60
_START_SECONDS = 30
_SMALL = (
    500_000  # bytes of a table or JSON that costs too little for a process, which takes a second or two to start
)
_CHILD = f"from {__name__} import main; main()"
_ROOT = Path(__file__).parents[2]


def read(data: bytes, form: str) -> File:
    """Parse an import file, apart from this process if it may cost much; see `formats.read`.

    Args:
        data: The whole file.
        form: `csv`, `json` or `skos`.

    Returns:
        What it contains.

    Raises:
        ImportRefusedError: The file is unreadable or has invalid lines, or takes too much time or memory to read.
    """
    if len(data) > MAX_BYTES:
        raise _refused(f"it has {len(data) / 1e6:,.0f} MB; the limit is {MAX_BYTES / 1e6:,.0f} MB")
    if form != "skos" and len(data) <= _SMALL:
        return formats.read(data, form)
    command = [sys.executable, "-c", _CHILD, form, str(MAX_SECONDS)]
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            timeout=_START_SECONDS + 2 * MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(f"it takes more than {MAX_SECONDS} seconds to read") from None
    if done.returncode:  # SIGXCPU, or without the memory even to say so
        raise _refused(f"it takes more than {MAX_SECONDS} seconds or {MAX_MEMORY / 1e6:.0f} MB of memory to read")
    found: File | tuple[dict[int, str], str] = pickle.loads(done.stdout)
    if isinstance(found, File):
        return found
    raise ImportRefusedError(*found)


def _refused(problem: str) -> ImportRefusedError:
    return ImportRefusedError({1: f"{problem}. Import it in parts"})


def main() -> None:
    """Be the process: read a file from the standard input, and write what it contains."""
    form, seconds = sys.argv[1], int(sys.argv[2])
    _limit_resources(seconds)
    try:
        found: File | tuple[dict[int, str], str] = formats.read(sys.stdin.buffer.read(), form)
    except ImportRefusedError as error:
        found = error.problems, error.unit
    sys.stdout.buffer.write(pickle.dumps(found))


def _limit_resources(seconds: int) -> None:
    statm = Path("/proc/self/statm")  # where there is none, only the time is limited
    if statm.exists():
        had = int(statm.read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (had + MAX_MEMORY, had + MAX_MEMORY))
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, spent + seconds))
