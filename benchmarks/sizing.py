"""What a picture takes: bytes in PostgreSQL and in Chroma's server, and how much memory that server holds.

Pictures without files, with vectors of so many numbers and suggestions; the figures are differences between two
archives, so what every installation has does not count. Writers take turns, so the seconds that a chunk of 32
pictures takes to write bound what all workers together can do.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import sqlalchemy as sa
from PIL import Image

from benchmarks.console import prepare
from benchmarks.full_set import full_set
from tagging_core import Settings, Tagloop
from tagging_core.app.assembly import Services
from tagging_core.common.users import local_user
from tagging_core.embeddings.encoders import Vectors, find_preset
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.pipeline import EmbeddedChunk
from tagging_core.storage.schema import chunks


class Wide(TinyEncoder):
    """The small deterministic model, with as many numbers a vector as wanted: zeros beyond its own."""

    def __init__(self, dimension: int) -> None:
        super().__init__(replace(find_preset("tiny"), name=f"wide-{dimension}"))
        self.width = dimension
        self.preset = replace(self.preset, dimension=dimension)

    def encode_images(self, images: list[Image.Image], instruction: str = "", texts: Sequence[str] = ()) -> Vectors:
        """See `Encoder.encode_images`."""
        narrow = super().encode_images(images, instruction)
        return np.pad(narrow, ((0, 0), (0, self.width - narrow.shape[1])))

    def encode_texts(self, texts: list[str], instruction: str = "") -> Vectors:  # type: ignore[override]
        """See `Encoder.encode_texts`."""
        narrow = super().encode_texts(texts, instruction)
        return np.pad(narrow, ((0, 0), (0, self.width - narrow.shape[1])))


def chroma_memory(folder: Path) -> int:
    """Bytes that the server over a folder holds in memory."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{folder}/chroma/data".encode() in (process / "cmdline").read_bytes():
                status = (process / "status").read_text()
                return 1024 * int(status.partition("VmRSS:")[2].split()[0])
        except OSError:
            continue  # it ended meanwhile
    raise RuntimeError("Chroma's server does not run")


def measure(folder: Path, size: int, dimension: int) -> dict[str, float]:
    """Bytes of everything, for one archive."""
    photos = np.random.default_rng(0).normal(size=(500, dimension)).astype(np.float32)
    with full_set(folder):
        encoder = Wide(dimension)
        prepare(folder / "data", encoder, photos, size)
        before = chroma_memory(folder)
        loop = Tagloop(Settings(data_dir=folder / "data"), encoder=encoder)
        loop.start()
        started = time.perf_counter()
        _wait(lambda: loop.resources.index.is_open and not loop.resources.index.feeder.pending())
        seconds = time.perf_counter() - started
        with loop.database.read() as connection:
            stored = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
        held = chroma_memory(folder) - before
        turn = seconds_a_turn(loop)
        loop.close()
        on_disk = sum(p.stat().st_size for p in (folder / "chroma").rglob("*") if p.is_file())
    found = {"postgres": stored, "chroma_disk": on_disk, "chroma_memory": held, "feed_seconds": seconds}
    return found | {"turn": turn}


def seconds_a_turn(loop: Tagloop) -> float:
    """Median seconds that a chunk of 32 pictures keeps other writers waiting."""
    files = []
    for n in range(16 * 32):
        file = io.BytesIO()
        Image.new("RGB", (64 + n, 64), (n % 256, 90, 90)).save(file, "JPEG")
        files.append((f"{n}.jpg", file.getvalue()))
    holder, ingester, times = (
        ChunkRunner(loop.database, loop.resources.name),
        Services(loop.resources, loop.model, loop.wake).pipeline,
        [],
    )
    write = ingester._write

    def timed(embedded: EmbeddedChunk) -> None:
        started = time.perf_counter()
        write(embedded)
        times.append(time.perf_counter() - started)

    ingester._write = timed  # type: ignore[method-assign]
    loop.ingest.upload(local_user("benchmark"), files, "e-commerce")
    with loop.database.read() as connection:
        refs = [tuple(row) for row in connection.execute(sa.select(chunks.c.job_id, chunks.c.n))]
    for ref in refs:
        holder.run(ref, ingester.run)
    return sorted(times)[len(times) // 2]


def _wait(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--dimension", type=int, default=1_536)
    arguments = parser.parse_args()
    os.environ.pop("TAGLOOP_ENCODER", None)
    with tempfile.TemporaryDirectory() as name:
        small = measure(Path(name) / "small", 1_000, arguments.dimension)
        large = measure(Path(name) / "large", arguments.pictures, arguments.dimension)
    more = arguments.pictures - 1_000
    kinds = ("postgres", "chroma_disk", "chroma_memory")
    found = {f"{kind}_bytes_a_picture": round((large[kind] - small[kind]) / more) for kind in kinds}
    fed = (large["feed_seconds"] - small["feed_seconds"]) / more
    more_told = {"fed_a_second": round(1 / fed), "seconds_a_turn": round(large["turn"], 3)}
    print(json.dumps({"dimension": arguments.dimension, **found, **more_told}))


if __name__ == "__main__":
    main()
