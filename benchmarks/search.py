"""Search over many pictures: how long it takes, and what it finds of what an exact search finds, in one run.

Vectors are synthetic clusters of the built-in model's dimension. Queries are pictures of the archive, so that the
whole path is measured: the query's classifier, Chroma's candidates, exact ranking, filters in SQL. With `--photos`
it also asks for "a photo of a NAME" on labelled photos, beside the plain product of text and picture vectors. With
`--pairs` it only asks for two tags at once, see `benchmarks.search_pairs`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import func, select, update

from benchmarks import search_pairs
from benchmarks.photos import read_photos
from benchmarks.scale import asset_row
from tagging_core import Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Vectors, find_preset, unit
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.learning.classifier import Examples, fit_tag, sigmoid
from tagging_core.search import ANY, Filters
from tagging_core.storage.schema import assets, counters, items, outbox

_QUERIES = 60
_CLUSTER = 50  # pictures of a cluster
_WITHIN = 0.8  # cosine of two pictures of a cluster, about
FILTERS = {"none": ANY, "a tenth": Filters(state="done"), "one in 200": Filters(state="flagged")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dimension", type=int, default=0, help="of the vectors, instead of the built-in model's")
    parser.add_argument("--photos", type=Path, help="folder with images/ and labels.csv")
    parser.add_argument(
        "--pairs", type=Path, help="only this: folder whose labels.csv has path, categories, yes, maybe"
    )
    parser.add_argument(
        "--folds", type=int, default=0, help="of these photos; each with a starter fitted to the others"
    )
    options = parser.parse_args()
    if options.pairs:
        print(json.dumps(search_pairs.measure(options.pairs, options.folds)))
        return
    found: dict = {"sizes": {}}
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            found["sizes"][size] = measure(Path(folder), size, options.dimension)
    if len(options.sizes) > 1:
        small, large = (found["sizes"][size] for size in options.sizes[:2])
        found["growth_of_p95"] = {name: round(large[name]["p95_ms"] / small[name]["p95_ms"], 2) for name in FILTERS}
    if options.photos:
        with tempfile.TemporaryDirectory() as folder:
            found["photos"] = by_name(Path(folder), options.photos)
    print(json.dumps(found))


def measure(folder: Path, size: int, dimension: int) -> dict:
    encoder = None
    if dimension:  # at least 64; only the texts of tags are embedded
        encoder = TinyEncoder(replace(find_preset("tiny"), name=f"synthetic-{dimension}", dimension=dimension))
    loop = Tagloop(Settings(data_dir=folder, encoder="builtin"), encoder)
    loop.model.library.settle()
    matrix = make(size, loop.model.preset.dimension)
    start = time.perf_counter()
    fill(loop, matrix)
    loop.resources.index.is_served = True  # without the worker, which would do more than is measured here
    loop.resources.index.open()
    while loop.resources.index.feeder.feed():
        pass
    filled = time.perf_counter() - start
    asked = np.random.default_rng(1).choice(size, _QUERIES, replace=False)
    with loop.database.read() as connection:
        pack = loop.model.library.pack(connection)
        states = np.array(connection.execute(select(assets.c.review).order_by(assets.c.id)).scalars().all())
    centred = pack.centre(matrix)
    result: dict = {"filled_seconds": round(filled)}
    for name, filters in FILTERS.items():
        times, recalls = [], []
        for row in asked:
            one = Examples(centred[row][None], np.ones(1), np.ones(1))
            model = fit_tag(
                np.zeros(matrix.shape[1], np.float32), one, pack, defaults=loop.model.preset.learner
            ).model
            exact = sigmoid(model.logits(centred))
            exact[row] = -1
            exact[~np.isin(states, [filters.state] if filters.state else states)] = -1
            best = np.argsort(-exact)[:10]
            best = best[exact[best] >= exact[best[0]] / 15]
            begun = time.perf_counter()
            hits = loop.search.find(like=[int(row) + 1], filters=filters, limit=10).hits
            times.append(1000 * (time.perf_counter() - begun))
            got = {hit.asset_id - 1 for hit in hits}
            recalls.append(len(got & set(best.tolist())) / len(best))
        result[name] = {
            "p50_ms": round(float(np.median(times)), 1),
            "p95_ms": round(float(np.percentile(times, 95)), 1),
            "recall_at_10": round(float(np.mean(recalls)), 4),
        }
    loop.resources.index.close()
    loop.close()
    return result


def make(size: int, dimension: int) -> Vectors:
    random = np.random.default_rng(0)
    centres = unit(random.standard_normal((max(1, size // _CLUSTER), dimension)).astype(np.float32))
    noise = np.sqrt(1 / _WITHIN - 1) / np.sqrt(dimension)
    found = np.empty((size, dimension), np.float32)
    for start in range(0, size, 10_000):
        end = min(start + 10_000, size)
        chosen = centres[random.integers(len(centres), size=end - start)]
        found[start:end] = unit(
            chosen + noise * random.standard_normal((end - start, dimension)).astype(np.float32)
        )
    return found


def fill(loop: Tagloop, matrix: Vectors) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    for start in range(0, len(matrix), 5_000):
        ids = list(range(start + 1, min(start + 5_000, len(matrix)) + 1))
        with loop.database.write() as connection:
            connection.execute(assets.insert(), [asset_row(n, now) for n in ids])
            vectors.save(connection, loop.model.library.fingerprint, ids, matrix=matrix[ids[0] - 1 : ids[-1]])
            connection.execute(
                outbox.insert(),
                [{"kind": "asset", "key": str(n), "fingerprint": loop.model.library.fingerprint} for n in ids],
            )
    with loop.database.write() as connection:
        connection.execute(update(assets).where(assets.c.id % 10 == 3).values(review="done"))
        connection.execute(update(assets).where(assets.c.id % 200 == 7).values(review="flagged"))
        connection.execute(counters.insert(), [{"name": "review.new", "n": len(matrix)}])


def by_name(folder: Path, photos: Path) -> dict:
    """Precision at 3 and mean average precision of "a photo of a NAME" for the names that are in the labels."""
    loop, user = Tagloop(Settings(data_dir=folder)), local_user("benchmark")
    known = read_photos(photos)
    batch = loop.ingest.ingest_paths(user, [photo.path for photo in known], "general")
    loop.start()
    wait(
        lambda: (
            loop.ingest.batch(batch).state == "done"
            and not loop.model.library.pending()
            and not loop.resources.index.feeder.pending()
        )
    )
    with loop.database.read() as connection:
        ids = list(
            connection.execute(
                select(items.c.asset_id).where(items.c.batch_id == batch).order_by(items.c.n)
            ).scalars()
        )
        found = vectors.load(connection, loop.model.library.fingerprint, ids)
        total = int(connection.execute(select(func.count()).select_from(assets)).scalar_one())
    matrix = np.stack([found[i] for i in ids])
    names = sorted({tag for photo in known for tag in photo.tags})
    ours, plain, as_long, recognised = [], [], [], 0
    for name in names:
        right = {i for i, photo in zip(ids, known, strict=True) if name in photo.tags}
        text = f"a photo of a {name.replace('-', ' ').replace('_', ' ')}"
        answer = loop.search.find(text, limit=total)
        recognised += bool(answer.query.groups)
        ours.append(judge([hit.asset_id for hit in answer.hits], right))
        scores = matrix @ loop.model.encoder().encode_texts([text])[0]
        ranked = [ids[n] for n in np.argsort(-scores)]
        plain.append(judge(ranked, right))
        as_long.append(judge(ranked[: len(answer.hits)], right))
    loop.close()
    return {
        "photos": total,
        "names": len(names),
        "names_of_tags": recognised,
        "precision_at_3": round(float(np.mean([p for p, _ in ours])), 3),
        "map": round(float(np.mean([m for _, m in ours])), 3),
        "plain_precision_at_3": round(float(np.mean([p for p, _ in plain])), 3),
        "plain_map": round(float(np.mean([m for _, m in plain])), 3),
        "plain_map_of_as_many": round(float(np.mean([m for _, m in as_long])), 3),
    }


def judge(ranked: list[int], right: set[int]) -> tuple[float, float]:
    """Precision at 3 (of as many as there are) and average precision; what is not listed counts as not found."""
    hits, total = 0, 0.0
    for place, asset_id in enumerate(ranked, start=1):
        if asset_id in right:
            hits += 1
            total += hits / place
    return len(set(ranked[:3]) & right) / min(3, len(right)), total / len(right)


def wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.5)


if __name__ == "__main__":
    main()
