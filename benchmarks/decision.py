"""From a decision to the next picture's suggestions that reflect it, at the server, on a library in use.

Photos are ingested and many are reviewed first, so that tags have examples to be fitted on; then each decision is
timed from the call until the next picture's card is there at a library revision that has learned from it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.ingest import wait_idle
from benchmarks.photos import Photo, read_photos
from tagging_core import Decision, Kind, Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.review import decisions, queue
from tagging_core.review.queue import View
from tagging_core.taxonomy.starter_file import read_taxonomy

_USER = local_user("benchmark")
_PROFILE = "e-commerce"


def garment_ids() -> dict[str, str]:
    """Tag id by label, for the labels that are garment types."""
    return {
        tag_id.removeprefix("garment."): tag_id for tag_id in read_taxonomy().tags if tag_id.startswith("garment.")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reviewed", type=int, default=400, help="pictures reviewed before timing starts")
    parser.add_argument("--decisions", type=int, default=100)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    encoder = load_encoder("builtin", arguments.models)
    with tempfile.TemporaryDirectory() as name:
        loop = Tagloop(Settings(data_dir=Path(name)), encoder=encoder)
        loop.start()
        photos = read_photos(arguments.folder)
        ids = _ingest(loop, photos)
        _review(loop, ids, photos, arguments.reviewed)
        times = _timed(loop, ids, photos, arguments.reviewed, arguments.decisions)
        loop.close()
    p50, p95, worst = (float(np.quantile(times, q)) * 1000 for q in (0.5, 0.95, 1))
    result = {"decisions": len(times), "p50_ms": p50, "p95_ms": p95, "max_ms": worst}
    print(json.dumps({key: round(value, 1) for key, value in result.items()}))


def _ingest(loop: Tagloop, photos: list[Photo]) -> list[int]:
    batch_id = loop.ingest.ingest_paths(_USER, [photo.path for photo in photos], _PROFILE)
    while loop.ingest.batch(batch_id).state == "running":
        time.sleep(0.05)
    wait_idle(loop)
    with loop.database.read() as connection:
        return queue.next_assets(connection, View("general", batch_id), limit=len(photos))


def _order(photos: list[Photo]) -> list[int]:
    return [int(i) for i in np.random.default_rng(0).permutation(len(photos))]


def _review(loop: Tagloop, ids: list[int], photos: list[Photo], count: int) -> None:
    known = garment_ids()
    with loop.database.write() as connection:
        taxonomy = loop.taxonomy()
        for n in _order(photos)[:count]:
            tag = known.get(photos[n].tags[0]) if photos[n].tags else None
            if tag:
                decisions.decide(
                    connection, _USER, Decision(Kind.ACCEPT, ids[n], tag, profile=_PROFILE), taxonomy=taxonomy
                )
            decisions.decide(connection, _USER, Decision(Kind.DONE, ids[n], profile=_PROFILE), taxonomy=taxonomy)
    wait_idle(loop)


def _timed(loop: Tagloop, ids: list[int], photos: list[Photo], skip: int, count: int) -> list[float]:
    known = garment_ids()
    order = [n for n in _order(photos)[skip:] if photos[n].tags and photos[n].tags[0] in known]
    times = []
    for n, following in pairwise(order[: count + 1]):
        before = loop.model.library.matrix().revision
        decision = Decision(Kind.ACCEPT, ids[n], known[photos[n].tags[0]], profile=_PROFILE)
        started = time.perf_counter()
        loop.review.decide(_USER, decision)
        card = loop.review.card(_USER, ids[following], _PROFILE)
        times.append(time.perf_counter() - started)
        assert all(s.revision > before for s in card.suggestions)
        loop.review.decide(_USER, Decision(Kind.DONE, ids[n], profile=_PROFILE))
    return times


if __name__ == "__main__":
    main()
