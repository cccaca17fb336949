"""What the proposals page finds: planted synonyms and planted wrong examples, in a real library of real photos.

Twenty of the folder's labels become two tags each, under two names that people use; each photo gets
one of the two at random. Then 10 of 100 given tags are exchanged for another. An editor who knows only that
reviews all photos. Proposed pairs are right if they were planted; proposed wrong examples if they were exchanged.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.photos import Photo, read_photos
from tagging_core import Decision, Kind, Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.curation.proposals import listed
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.embeddings.encoders.base import Encoder
from tagging_core.ledger.dirty_tags import mark_dirty
from tagging_core.ledger.taxonomy_store import write
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Category, Tag

SYNONYMS = {
    "person": "human being", "car": "automobile", "dining table": "kitchen table", "cup": "mug", "handbag": "purse",
    "chair": "seat", "bowl": "serving bowl", "potted plant": "houseplant", "knife": "table knife", "tie": "necktie",
    "dog": "hound", "clock": "timepiece", "bottle": "drinking bottle",
    "book": "printed book", "wine glass": "goblet",
    "truck": "lorry", "tennis racket": "racquet", "teddy bear": "stuffed bear", "couch": "sofa",
    "cell phone": "mobile phone", "bus": "coach", "bench": "park bench", "umbrella": "parasol",
    "bicycle": "bike", "airplane": "aeroplane", "tv": "television", "refrigerator": "fridge", "cat": "kitty",
}  # fmt: skip
ANN = local_user("Ann")


@dataclass(frozen=True, slots=True)
class Planted:
    """Given tags by photo, with what was planted in them."""

    given: list[set[str]]
    pairs: set[frozenset[str]]
    wrong: set[tuple[int, str]]


def plant(photos: list[Photo], pairs: int, flips: float, seed: int) -> Planted:
    """Rename the most frequent labels that have a second name, then exchange some."""
    draw = np.random.default_rng(seed)
    counts = Counter(tag for photo in photos for tag in photo.tags)
    chosen = [tag for tag, _ in counts.most_common() if tag in SYNONYMS][:pairs]
    given = [
        {SYNONYMS[tag] if tag in chosen and draw.random() < 0.5 else tag for tag in photo.tags} for photo in photos
    ]
    names = sorted(set().union(*given))
    places = [(n, tag) for n, tags in enumerate(given) for tag in sorted(tags)]
    wrong = set()
    for place in draw.choice(len(places), round(flips * len(places)), replace=False):
        n, tag = places[place]
        other = str(draw.choice([name for name in names if name not in given[n]]))
        given[n] = (given[n] - {tag}) | {other}
        wrong.add((n, other))
    known = set().union(*given)
    return Planted(given, {p for t in chosen if (p := frozenset({t, SYNONYMS[t]})) <= known}, wrong)


def make_library(
    photos: list[Photo], planted: Planted, folder: Path, encoder: Encoder
) -> tuple[Tagloop, list[int]]:
    """A library of the given tags in which all photos were reviewed."""
    settings = Settings(data_dir=folder, encoder="builtin", blind_share=0, known_share=0, ingest_threads=1)
    loop = Tagloop(settings, encoder)
    names = sorted(set().union(*planted.given))
    with loop.database.write() as connection:
        general = replace(loop.taxonomy().profiles["general"], categories=["object"])
        tags = [Tag(f"object.{n.replace(' ', '-')}", "object", {"en": n}, position=i) for i, n in enumerate(names)]
        others = [replace(p, categories=[]) for p in loop.taxonomy().profiles.values() if p.id != "general"]
        gone = [replace(t, state="deleted") for t in loop.taxonomy().tags.values()]
        write(connection, ANN, [Category("object", {"en": "Object"}, top_k=8), *tags, general, *others, *gone])
        mark_dirty(connection, [tag.id for tag in tags])
    batch = loop.ingest.ingest_paths(ANN, [photo.path for photo in photos], "general")
    loop.start()
    while loop.ingest.batch(batch).state == "running":
        time.sleep(0.1)
    assert loop.worker is not None
    loop.worker.stop()
    loop.model.library.refresh_pack()  # unless the worker was faster
    with loop.database.read() as connection:
        by_name = {row.name: row.id for row in connection.execute(assets.select())}
    ids = [by_name[photo.path.name] for photo in photos]
    for asset_id, names_of in zip(ids, planted.given, strict=True):
        said = [
            Decision(Kind.ADD, asset_id, f"object.{name.replace(' ', '-')}", profile="general")
            for name in sorted(names_of)
        ]
        loop.review.decide_many(ANN, [*said, Decision(Kind.DONE, asset_id, profile="general")])
    loop.model.library.settle()
    return loop, ids


def measure(found: set, planted: set) -> dict[str, float]:
    """Precision and recall of what was found."""
    right = len(found & planted)
    shares = {"precision": right / len(found) if found else 1.0, "recall": right / len(planted) if planted else 1.0}
    return {name: round(share, 3) for name, share in shares.items()} | {
        "found": len(found),
        "planted": len(planted),
    }


def run(photos: list[Photo], encoder: Encoder, pairs: int, flips: float, seed: int) -> dict[str, dict]:
    """One library: what was proposed against what was planted."""
    planted = plant(photos, pairs, flips, seed)
    with tempfile.TemporaryDirectory() as folder:
        loop, ids = make_library(photos, planted, Path(folder) / "data", encoder)
        loop.curation.proposals.finder.search()
        with loop.database.read() as connection:
            twins = listed(connection, "synonyms", 1000)
            wrong = listed(connection, "wrong", 1000)
        name = {tag.id: tag.name() for tag in loop.taxonomy().tags.values()}
        place = {asset_id: n for n, asset_id in enumerate(ids)}
        loop.close()
    named = {frozenset(name[tag_id] for tag_id in p.subjects) for p in twins}
    doubted = [(place[int(p.subjects[1])], name[p.subjects[0]]) for p in wrong]
    return {
        "synonyms": measure(named, planted.pairs),
        "wrong": measure(set(doubted), planted.wrong),
        "wrong, as many as there are": measure(set(doubted[: len(planted.wrong)]), planted.wrong),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--flips", type=float, default=0.1)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    photos, encoder = read_photos(arguments.folder), load_encoder("builtin", arguments.models)
    runs = [run(photos, encoder, arguments.pairs, arguments.flips, 100 + seed) for seed in range(arguments.draws)]
    means = {
        what: {key: round(float(np.mean([r[what][key] for r in runs])), 3) for key in runs[0][what]}
        for what in runs[0]
    }
    print(json.dumps({"photos": len(photos), "draws": arguments.draws, **means}))


if __name__ == "__main__":
    main()
