"""Whether a cache in Redis would pay: what processes read again and again, from PostgreSQL and from Redis.

The tag library of 10,000 tags as a process reads it that has nothing in memory, and as one that missed a single
decision; the same bytes from Redis. Vectors of the 60 pictures of a page likewise. Medians, milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import redis

from benchmarks.full_set import full_set
from benchmarks.scale import fill_pictures, fill_tags
from tagging_core import Decision, Kind, Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.embeddings import vectors

_USER = local_user("benchmark")


def median(work: Callable[[], object], times: int = 9) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return round(sorted(found)[times // 2] * 1000, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--pictures", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, full_set(Path(name) / "servers"):
        loop = Tagloop(Settings(data_dir=Path(name) / "data", encoder="tiny"))
        dimension = 64
        photos = np.random.default_rng(0).normal(size=(100, dimension)).astype(np.float32)
        fill_pictures(loop, photos, arguments.pictures)
        tags = fill_tags(loop, dimension, arguments.tags)
        loop.model.library.settle()
        reader = Tagloop(loop.settings)

        def cold() -> None:
            reader.model.library._matrix = None
            reader.model.library.matrix()

        def missed() -> None:
            loop.review.decide(_USER, Decision(Kind.ADD, 1 + next(numbers), tags[0], profile="general"))
            started = time.perf_counter()
            reader.model.library.matrix()
            lags.append(time.perf_counter() - started)

        numbers, lags = iter(range(100)), []  # type: ignore[var-annotated]
        cache = redis.Redis.from_url(os.environ["TAGLOOP_QUEUE_URL"])
        packed = pickle.dumps(reader.model.library.matrix())
        cache.set("matrix", packed)
        ids = list(range(1, 61))

        def page() -> None:
            with reader.database.read() as connection:
                vectors.load(connection, reader.model.preset.fingerprint, ids)

        cache.mset({f"vector-{n}": photos[n % 100].tobytes() for n in ids})
        found = {
            "matrix_bytes": len(packed),
            "matrix_cold_postgres": median(cold),
            "matrix_from_redis": median(lambda: pickle.loads(cache.get("matrix"))),  # type: ignore[arg-type]
            "matrix_in_memory": median(lambda: reader.model.library.matrix()),
        }
        for _ in range(9):
            missed()
        found["matrix_after_one_decision"] = round(sorted(lags)[4] * 1000, 2)
        found["vectors_of_a_page_postgres"] = median(page)
        found["vectors_of_a_page_redis"] = median(lambda: cache.mget([f"vector-{n}" for n in ids]))
        reader.close()
        loop.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
