"""A library of 10,000 tags and 200,000 decisions: what each act of an owner takes at the server, and a large merge.

Pages run as the server runs them, without a browser, one run to warm up and then several. Pictures are the vectors
of real photos with noise; decisions are drawn at random, 5,000 each for the two tags that are merged.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.embedded import embed_folder
from benchmarks.scale import fill_pictures
from console import page_paths, session
from tagging_core import Kind, Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.curation import plans
from tagging_core.embeddings import vectors
from tagging_core.embeddings.encoders import Encoder, Vectors, load_encoder, unit
from tagging_core.ledger.taxonomy_store import write
from tagging_core.storage.schema import events, learned
from tagging_core.taxonomy.model import Category, Tag

_USER = local_user("Ann")
_CATEGORIES = 20
_LARGE = 5_000
_FRAME = str(Path(page_paths.__file__).with_name("frame.py"))


def fill_library(loop: Tagloop, dimension: int, count: int) -> list[str]:
    """Write categories and tags, three in four below another, each with a classifier."""
    random = np.random.default_rng(0)
    groups = [
        Category(f"bench{n}", {"en": f"Group {n}", "zh": f"组 {n}"}, position=50 + n) for n in range(_CATEGORIES)
    ]
    made = []
    for n in range(count):
        category = groups[n % _CATEGORIES].id
        parent = (
            f"{category}.tag-{n - n % (4 * _CATEGORIES) + n % _CATEGORIES}"
            if n % (4 * _CATEGORIES) >= _CATEGORIES
            else None
        )
        names = {"en": f"Tag number {n}", "zh": f"标签 {n}"}
        made.append(
            Tag(
                f"{category}.tag-{n}",
                category,
                names,
                {"en": [f"word {n}", f"other {n}"]},
                parent_id=parent,
                position=1000 + n,
            )
        )
    profile = loop.taxonomy().profiles["general"]
    profile = replace(profile, categories=[*profile.categories, *(g.id for g in groups)])
    with loop.database.write() as connection:
        write(connection, _USER, [*groups, *made, profile], change_id=uuid.uuid4().hex)
        taxonomy = loop.model.library.taxonomies.load(connection)
        texts = unit(random.normal(size=(count, dimension)).astype(np.float32))
        vectors.save_sentences(
            connection, loop.model.preset.fingerprint, [taxonomy.sentences(t) for t in made], means=list(texts)
        )
        rows = [
            {
                "fingerprint": loop.model.preset.fingerprint,
                "tag_id": tag.id,
                "weights": vectors.to_bytes(text * 5),
                "bias": -3.0,
                "positives": 0,
                "negatives": 0,
                "revision": 2,
                "left_out": b"",
            }
            for tag, text in zip(made, texts, strict=True)
        ]
        connection.execute(learned.insert(), rows)
    return [tag.id for tag in made]


def fill_decisions(loop: Tagloop, tag_ids: list[str], pictures: int, count: int) -> None:
    """Write decisions of the last two months as ledger events and replay them."""
    random = np.random.default_rng(1)
    now = datetime.now(UTC).replace(tzinfo=None)
    large = [(tag_id, int(a)) for tag_id in tag_ids[:2] for a in random.permutation(pictures)[:_LARGE] + 1]
    others = zip(
        random.integers(2, len(tag_ids), count - len(large)), random.integers(1, pictures + 1, count), strict=False
    )
    pairs = [*large, *((tag_ids[t], int(a)) for t, a in others)]
    rows = [
        {
            "uid": uuid.uuid4().hex,
            "at": now - timedelta(days=int(random.integers(60))),
            "actor": "Ann",
            "kind": (Kind.ACCEPT, Kind.REJECT, Kind.ADD)[n % 3],
            "asset_id": asset_id,
            "tag_id": tag_id,
            "profile": "general",
            "payload": {"probability": 0.4} if n % 3 < 2 else None,
        }
        for n, (tag_id, asset_id) in enumerate(pairs)
    ]
    rows += [
        {**row, "uid": uuid.uuid4().hex, "kind": Kind.DONE, "tag_id": None, "payload": None}
        for row in rows[:: len(rows) // 2000]
    ]
    with loop.database.write() as connection:
        connection.execute(events.insert(), rows)
    loop.model.library.matrix()


def time_of(act: Callable[[], object], times: int = 3) -> float:
    """Milliseconds of the slowest run after one to warm up."""
    act()
    took = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        took.append(time.perf_counter() - started)
    return round(max(took) * 1000, 1)


def open_page(path: str, **query: str) -> AppTest:
    """A page as the server runs it; `run` runs it again."""
    at = AppTest.from_file(_FRAME, default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    at.switch_page(path).run()
    assert not at.exception, at.exception
    return at


def time_pages(loop: Tagloop, tag_id: str) -> dict[str, float]:
    """What each page, and each thing one does on it, takes."""
    session.loop = lambda: loop  # type: ignore[assignment]
    session.identify = lambda: _USER  # type: ignore[assignment]
    session.browser_address = lambda: None

    found = {}
    at = open_page(page_paths.TAGS)
    found["open the tags"] = time_of(at.run)
    for order in ("Most used", "Growing", "Unused", "Not in use"):
        found[f"show {order.lower()}"] = time_of(at.segmented_control(key="tags_order").set_value(order).run)
    at.segmented_control(key="tags_order").set_value("Tree")
    found["choose a category"] = time_of(at.radio(key="tags_category").set_value("bench7").run)
    found["search"] = time_of(at.text_input(key="tags_find").set_value("标签 77").run)
    at = open_page(page_paths.TAGS, tag=tag_id)
    found["open a tag"] = time_of(at.run)
    for tab in ("Pictures", "Accuracy", "Changes"):
        found[f"open a tag's {tab.lower()}"] = time_of(open_page(page_paths.TAGS, tag=tag_id, tab=tab).run)
    names = iter(range(100))

    def save() -> None:
        at.text_input(key=f"tag_{tag_id}_en").set_value(f"Renamed {next(names)}")
        next(b for b in at.button if b.label == "Save").click().run()
        assert not at.error, at.error

    found["save a tag"] = time_of(save)

    def attempt() -> None:
        at.text_area(key=f"tag_{tag_id}_prompts").set_value("a red dress")
        next(b for b in at.button if b.label == "Preview changes").click().run()

    found["try a prompt"] = time_of(attempt)
    for kind in ("synonyms", "wrong", "confusion"):
        at = open_page(page_paths.PROPOSALS)
        at.segmented_control(key="proposals_kind").set_value(kind)
        found[f"proposals: {kind}"] = time_of(at.run)
    found["history"] = time_of(open_page(page_paths.HISTORY).run)
    found["compliance"] = time_of(open_page(page_paths.COMPLIANCE).run)
    return found


def time_core(loop: Tagloop, tag_ids: list[str]) -> dict[str, float]:
    """What a dialog's preview and act take."""
    found = {}
    first, second = tag_ids[0], tag_ids[1]
    plan = plans.merge(loop.taxonomy(), first, second)
    found["preview the large merge"] = time_of(
        lambda: loop.curation.impact(plans.merge(loop.taxonomy(), first, second))
    )
    loop.model.library.settle()
    started = time.perf_counter()
    act = loop.curation.apply(_USER, plan)
    found["merge two tags of 5,000 decisions"] = round((time.perf_counter() - started) * 1000, 1)
    loop.model.library.settle([second])
    found["... and refitted"] = round((time.perf_counter() - started) * 1000, 1)
    started = time.perf_counter()
    loop.curation.undo(_USER, act)
    found["take it back"] = round((time.perf_counter() - started) * 1000, 1)
    small = tag_ids[50]
    state = iter(["deprecated", "active"] * 10)
    found["take a tag out of use"] = time_of(
        lambda: loop.curation.apply(_USER, plans.set_state(loop.taxonomy(), small, next(state)))
    )
    found["read the list again after a change"] = time_of(
        lambda: (loop.curation.apply(_USER, plans.set_state(loop.taxonomy(), small, next(state))), loop.taxonomy())
    )
    moment = datetime.now(UTC).replace(tzinfo=None)
    found["compare with a moment ago"] = time_of(
        lambda: loop.curation.history.changes_since(moment - timedelta(seconds=20))
    )
    found["estimate a back-fill"] = time_of(lambda: loop.curation.backfills.estimate(tag_ids[2]))
    found["export CSV"] = time_of(lambda: loop.curation.export("csv"))
    return found


def make_library(
    data: Path, encoder: Encoder, photos: Vectors, count: int, pictures: int, decisions: int
) -> tuple[Tagloop, list[str]]:
    """A library in a folder; one that is there already is taken as it is."""
    there = data.exists()
    loop = Tagloop(Settings(data_dir=data), encoder=encoder)
    if there:
        return loop, sorted(
            (t for t in loop.taxonomy().tags if t.startswith("bench")), key=lambda t: int(t.split("-")[1])
        )
    fill_pictures(loop, photos, pictures)
    tag_ids = fill_library(loop, photos.shape[1], count)
    fill_decisions(loop, tag_ids, pictures, decisions)
    started = time.perf_counter()
    loop.rebuild(_USER)
    print(json.dumps({"rebuild_seconds": round(time.perf_counter() - started, 1)}), flush=True)
    return loop, tag_ids


def measure(loop: Tagloop, tag_ids: list[str]) -> dict[str, float]:
    loop.curation.proposals.finder.search()
    started = time.perf_counter()
    loop.curation.proposals.finder.search()
    search = round((time.perf_counter() - started) * 1000, 1)
    return {**time_pages(loop, tag_ids[2]), **time_core(loop, tag_ids), "background: look for proposals": search}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--decisions", type=int, default=200_000)
    parser.add_argument("--keep", type=Path, help="a folder to keep the library in, for the next run")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    encoder = load_encoder("builtin", arguments.models)
    photos = embed_folder(arguments.folder, encoder, arguments.models).vectors
    sizes = arguments.tags, arguments.pictures, arguments.decisions
    with tempfile.TemporaryDirectory() as folder:
        loop, tag_ids = make_library((arguments.keep or Path(folder)) / "data", encoder, photos, *sizes)
        found = measure(loop, tag_ids)
        loop.close()
    print(json.dumps({"tags": arguments.tags, "decisions": arguments.decisions, "milliseconds": found}))


if __name__ == "__main__":
    main()
