"""Looks whether a Chroma folder opens, in a process of its own: a damaged index may end the one that tries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_SECONDS = 120
_PROBE = """
import json, sys
import chromadb
from chromadb.config import Settings
client = chromadb.PersistentClient(sys.argv[1], settings=Settings(anonymized_telemetry=False))
counts = {}
for collection in client.list_collections():
    sample = collection.peek(1)
    if len(sample["ids"]):
        collection.query(query_embeddings=[list(map(float, sample["embeddings"][0]))], n_results=1)
    counts[collection.name] = collection.count()
print(json.dumps(counts))
"""


class DamagedError(Exception):
    """The folder cannot be opened."""


def probe(folder: Path) -> dict[str, int]:
    """Open a folder, search each collection once, and count.

    Returns:
        Records by the collection's name.

    Raises:
        DamagedError: It cannot be opened; says why.
    """
    command = [sys.executable, "-c", _PROBE, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DamagedError(f"it did not open within {_SECONDS} seconds") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise DamagedError(
            lines[-1][:200] if lines else f"opening it ended a process with signal {-done.returncode}"
        )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))
