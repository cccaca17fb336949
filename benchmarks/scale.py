"""From a decision to the new library revision in Chroma, with 10,000 tags, in a small and in a large archive.

The archive is made of real photos' vectors with noise, written straight to the database; one tag has thousands of
decisions, and the tags that are timed have dozens, as in a library in use. What is timed: the call that writes a
decision durably and fits its tag; and from its start until Chroma holds the tag at the new revision.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import delete, func, select

from benchmarks.embedded import embed_folder
from tagging_core import Decision, Kind, Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Encoder, Vectors, load_encoder, unit
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.ledger.taxonomy_store import write
from tagging_core.review import decisions as reviewing
from tagging_core.storage import add_to
from tagging_core.storage.schema import assets, counters, outbox
from tagging_core.storage.schema import vectors as vector_table
from tagging_core.taxonomy.model import Category, Tag

_USER = local_user("benchmark")
_PROFILE, _CATEGORY = "general", "bench"


def fill_pictures(loop: Tagloop, photos: Vectors, size: int) -> None:
    """Write assets with vectors: those of real photos, with noise."""
    random = np.random.default_rng(0)
    now = datetime.now(UTC).replace(tzinfo=None)
    for start in range(0, size, 1000):
        ids = range(start + 1, min(start + 1000, size) + 1)
        noisy = unit(
            photos[random.integers(len(photos), size=len(ids))]
            + random.normal(size=(len(ids), photos.shape[1])) * 0.01
        )
        with loop.database.write() as connection:
            connection.execute(assets.insert(), [asset_row(n, now) for n in ids])
            rows = zip(ids, noisy, strict=True)
            fixed = {"fingerprint": loop.model.preset.fingerprint, "kind": "image", "instruction": "default"}
            connection.execute(
                vector_table.insert(), [{"asset_id": n, **fixed, "vector": vectors.to_bytes(v)} for n, v in rows]
            )
    with loop.database.write() as connection:
        add_to(connection, counters, [{"name": "review.new", "n": size}])
        if not loop.database.is_sqlite:  # where a sequence gives ids
            connection.execute(select(func.setval(func.pg_get_serial_sequence("assets", "id"), size)))


def fill_tags(loop: Tagloop, dimension: int, tag_count: int) -> list[str]:
    """Write tags with texts; returns their ids."""
    random = np.random.default_rng(0)
    with loop.database.write() as connection:
        made = [Tag(f"bench.{n}", _CATEGORY, {"en": f"Bench tag {n}"}, position=1000 + n) for n in range(tag_count)]
        write(connection, _USER, [Category(_CATEGORY, {"en": "Bench"}, position=99), *made])
        taxonomy = loop.model.library.taxonomies.load(connection)
        texts = unit(np.abs(random.normal(size=(tag_count, dimension))))
        groups = [taxonomy.sentences(tag) for tag in made]
        vectors.save_sentences(connection, loop.model.preset.fingerprint, groups, means=list(texts))
        mark_dirty(connection, [tag.id for tag in made])
    return [tag.id for tag in made]


def measure(encoder: Encoder, photos: Vectors, size: int, tag_count: int, decisions: int, large: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        loop = Tagloop(Settings(data_dir=Path(folder)), encoder=encoder)
        fill_pictures(loop, photos, size)
        tag_ids = fill_tags(loop, photos.shape[1], tag_count)
        loop.model.library.settle()
        random = np.random.default_rng(1)
        known = [
            Decision(Kind.ACCEPT if n % 3 == 0 else Kind.REJECT, int(a), tag_ids[0], profile=_PROFILE)
            for n, a in enumerate(random.permutation(size)[: min(large, size)] + 1)
        ]
        for tag_id in tag_ids[1:21]:
            some = random.permutation(size)[:60] + 1
            known += [
                Decision(Kind.ACCEPT if n % 3 == 0 else Kind.REJECT, int(a), tag_id, profile=_PROFILE)
                for n, a in enumerate(some)
            ]
        started = time.perf_counter()
        loop.review.decide_many(_USER, known)
        bulk = time.perf_counter() - started
        loop.start()
        _leave_pictures_out(loop)
        _until_quiet(loop)
        for _ in range(3):  # Chroma may still build its index of the archive; a console is there for longer
            _one(loop, tag_ids[1], int(random.integers(size)) + 1, {"call": [], "chroma": []})
        times: dict[str, list[float]] = {"call": [], "chroma": []}
        for n in range(decisions):
            _one(loop, tag_ids[1 + n % 20], int(random.integers(size)) + 1, times)
        large_times: dict[str, list[float]] = {"call": [], "chroma": []}
        for _ in range(max(5, decisions // 5)):
            _one(loop, tag_ids[0], int(random.integers(size)) + 1, large_times)
        loop.close()
    figures = {
        f"{what}_{name}": round(float(np.quantile(v, q)) * 1000, 1)
        for what, v in times.items()
        for name, q in (("p50", 0.5), ("p95", 0.95))
    }
    big = {f"large_tag_{what}_p50": round(float(np.median(v)) * 1000, 1) for what, v in large_times.items()}
    return {"assets": size, **figures, **big, "bulk_decisions": len(known), "bulk_seconds": round(bulk, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--assets", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--decisions", type=int, default=100)
    parser.add_argument("--large", type=int, default=5_000, help="decisions of the largest tag")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    encoder = load_encoder("builtin", arguments.models)
    photos = embed_folder(arguments.folder, encoder, arguments.models).vectors
    rows = []
    for size in arguments.assets:
        rows.append(measure(encoder, photos, size, arguments.tags, arguments.decisions, arguments.large))
        print(json.dumps(rows[-1]))
    ratio = round(rows[-1]["chroma_p50"] / rows[0]["chroma_p50"], 2)
    print(json.dumps({"tags": arguments.tags, "rows": rows, "ratio": ratio}))


def _one(loop: Tagloop, tag_id: str, asset_id: int, times: dict[str, list[float]]) -> None:
    with loop.database.read() as connection:
        held = reviewing.labels_of(connection, asset_id).get(tag_id)
    kind = Kind.REJECT if held and held.value else Kind.ACCEPT
    before = loop.model.library.matrix().revision
    started = time.perf_counter()
    loop.review.decide(_USER, Decision(kind, asset_id, tag_id, profile=_PROFILE))
    times["call"].append(time.perf_counter() - started)
    while int((loop.resources.index.tag_record(tag_id) or {"revision": 0})["revision"]) <= before:
        time.sleep(0.004)
    times["chroma"].append(time.perf_counter() - started)
    time.sleep(0.02)


def _leave_pictures_out(loop: Tagloop) -> None:
    """Chroma's index of pictures is not on the path that is timed, and filling it would take the longest."""
    while loop.worker is None or loop.worker.chroma == "opening":
        time.sleep(0.05)
    with loop.database.write() as connection:
        connection.execute(delete(outbox).where(outbox.c.kind == "asset"))


def _until_quiet(loop: Tagloop) -> None:
    while (
        loop.worker is None
        or loop.worker.chroma == "opening"
        or loop.model.library.pending()
        or loop.resources.index.feeder.pending()
    ):
        time.sleep(0.1)


def asset_row(n: int, now: datetime) -> dict:
    """A picture that exists in the database alone."""
    sha256 = hashlib.sha256(str(n).encode()).hexdigest()
    size = {"width": 1, "height": 1, "bytes": 1, "frames": 1}
    return {
        "id": n,
        "sha256": sha256,
        "name": f"{n}.jpg",
        "format": "JPEG",
        **size,
        "created_at": now,
        "sample": int(sha256[:15], 16),
    }


if __name__ == "__main__":
    main()
