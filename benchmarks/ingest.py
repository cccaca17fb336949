"""Ingest speed on a folder of photos, end to end, beside its own bound and the loop people start with.

Bound: cores / (sum of every part's core-seconds a picture), each part run alone, on all cores at once, since two
cores that share a cache or an arithmetic unit do less than twice what one does. Naive: one picture at a time, the
image network as loaded by PyTorch, the same files written and rows kept.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.photos import read_photos
from tagging_core import Settings, Tagloop
from tagging_core.assets import repository
from tagging_core.assets.decoding import Picture, open_picture
from tagging_core.assets.files import ImageFiles, sha256_of
from tagging_core.assets.repository import NO_TEXT, NewAsset
from tagging_core.common.users import local_user
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Encoder
from tagging_core.ingest.batches import CHUNK
from tagging_core.learning import recorded_suggestions
from tagging_core.storage.blobs import LocalBlobStore

_USER = local_user("benchmark")
_PROFILE = "e-commerce"


def timed(work: Callable[[], object]) -> float:
    """Seconds one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ingest(loop: Tagloop, paths: Sequence[Path]) -> float:
    """Seconds from the call to the last suggestion."""

    def work() -> None:
        batch_id = loop.ingest.ingest_paths(_USER, paths, _PROFILE)
        while loop.ingest.batch(batch_id).state == "running":
            time.sleep(0.01)

    return timed(work)


def core_seconds(work: Callable[[int], object], count: int) -> float:
    """Core-seconds of one call when all cores do nothing else, so that what they share counts as well."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        return timed(lambda: list(pool.map(work, range(count)))) * cores / count


def parts(loop: Tagloop, paths: Sequence[Path], folder: Path, encoder: Encoder) -> dict[str, float]:
    """Core-seconds a picture of each part alone."""
    data = [path.read_bytes() for path in paths]
    pictures: list[Picture] = [open_picture(content) for content in data]
    prepared = [encoder.prepare(picture.image) for picture in pictures]
    starts = range(0, len(prepared), CHUNK)
    found: list[np.ndarray] = [vector for i in starts for vector in encoder.encode_images(prepared[i : i + CHUNK])]
    archive = ImageFiles(LocalBlobStore(folder / "parts"))

    def embed(n: int) -> None:
        encoder.encode_images(prepared[n * CHUNK : (n + 1) * CHUNK])

    count = len(paths)
    return {
        "read": core_seconds(lambda n: sha256_of(paths[n].read_bytes()), count),
        "decode": core_seconds(lambda n: open_picture(data[n]), count),
        "files": core_seconds(lambda n: archive.store(sha256_of(data[n]), data[n], pictures[n]), count),
        "prepare": core_seconds(lambda n: encoder.prepare(pictures[n].image), count),
        "embed": core_seconds(embed, len(starts)) * len(starts) / count,
        "store": timed(lambda: store(loop, data, pictures, found)) / count,
    }


def store(loop: Tagloop, data: list[bytes], pictures: list[Picture], found: list[np.ndarray]) -> None:
    """Rows, vectors and suggestions, as many a transaction as in ingest."""
    for start in range(0, len(data), CHUNK):
        rows = range(start, min(start + CHUNK, len(data)))
        with loop.database.write() as connection:
            names = {row: sha256_of(data[row]) for row in rows}
            arrivals = [NewAsset(names[r], f"{r}.jpg", len(data[r]), pictures[r], NO_TEXT) for r in rows]
            ids = repository.insert(connection, arrivals)
            kept = {ids[names[row]][0]: found[row] for row in rows}
            vectors.save(
                connection, loop.model.preset.fingerprint, list(kept), matrix=np.stack(list(kept.values()))
            )
            chosen, margins = loop.model.suggester.predict(kept, _PROFILE)
            recorded_suggestions.record(connection, _PROFILE, chosen, margins=margins)


def naive(loop: Tagloop, paths: Sequence[Path], folder: Path, encoder: Encoder) -> float:
    """Pictures a second of the loop people start with."""
    import torch

    from tagging_core.embeddings.encoders.image_network import load_eager

    network = load_eager()
    module = encoder.models[0][0]  # type: ignore[attr-defined]
    fast = module.network

    def eager(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.no_grad():
            logits, features = network(torch.from_numpy(pixels))
        return logits.numpy(), features.numpy()

    archive = ImageFiles(LocalBlobStore(folder / "naive"))
    module.network = eager
    try:
        started = time.perf_counter()
        for path in paths:
            data = path.read_bytes()
            picture = open_picture(data, side=10**6)  # decoded whole: shrinking on load is one of our levers
            archive.store(sha256_of(data), data, picture)
            vector = encoder.encode_images([picture.image])[0]
            store(loop, [data], [picture], [vector])
        return len(paths) / (time.perf_counter() - started)
    finally:
        module.network = fast


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--naive", type=int, default=200, help="pictures the naive loop is timed on")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    paths = [photo.path for photo in read_photos(arguments.folder)]
    with tempfile.TemporaryDirectory() as name:
        result = measure(paths, Path(name), arguments.models, arguments.naive)
    print(json.dumps({key: round(value, 4) for key, value in result.items()}))


def measure(paths: Sequence[Path], folder: Path, models: Path, naive_count: int) -> dict[str, float]:
    """All figures of one run."""
    from tagging_core.embeddings.encoders import load_encoder

    encoder = load_encoder("builtin", models)
    loop = _ready(folder / "a", encoder)
    first = ingest(loop, paths)
    wait_idle(loop)
    again = ingest(loop, paths)
    loop.close()
    spare = _ready(folder / "b", encoder, start=False)
    costs = parts(spare, paths, folder, encoder)
    spare.close()
    other = _ready(folder / "c", encoder, start=False)
    naive_rate = naive(other, paths[:: max(1, len(paths) // naive_count)], folder, encoder)
    other.close()
    for part, seconds in costs.items():
        print(f"{part}: {seconds * 1000:.2f} core-ms a picture")
    cores = os.cpu_count() or 1
    rate, bound = len(paths) / first, cores / sum(costs.values())
    return {
        "images": len(paths),
        "images_per_s": rate,
        "encoder_per_s": cores / costs["embed"],
        "decode_per_s": cores / (costs["decode"] + costs["prepare"]),
        "bound_per_s": bound,
        "ratio": rate / bound,
        "naive_per_s": naive_rate,
        "speedup": rate / naive_rate,
        "again_speedup": first / again,
    }


def _ready(folder: Path, encoder: Encoder, start: bool = True) -> Tagloop:
    """An empty installation whose library is fitted, so that only ingest is timed."""
    loop = Tagloop(Settings(data_dir=folder), encoder=encoder)
    loop.model.library.settle()
    if start:
        loop.start()
        wait_idle(loop)
    return loop


def wait_idle(loop: Tagloop) -> None:
    """Wait until the worker has nothing left to teach or to feed."""
    while (
        loop.worker is None
        or loop.worker.chroma == "opening"
        or loop.model.library.pending()
        or loop.resources.index.feeder.pending()
    ):
        time.sleep(0.05)


if __name__ == "__main__":
    main()
