"""The managers' pages over a large archive: a million pictures, five million suggestions, two million decisions.

Decisions are drawn at random over two years, by thirty people in all profiles, on tags of which a few are given
often and most are not; the figures are then counted by the very code that keeps them. Pages run as the server runs
them, without a browser: one run to warm up and then several. The slowest counts.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Table, select

from benchmarks.library import open_page, time_of
from benchmarks.scale import asset_row
from console import page_paths, session
from tagging_core import Settings, Tagloop
from tagging_core.analytics import drift
from tagging_core.common.users import local_user
from tagging_core.ledger import replay, taxonomy_store
from tagging_core.storage.schema import assets, batches, events, items, labels, reviews, suggestions
from tagging_core.storage.schema import drift as drift_table
from tagging_core.taxonomy.model import Category, Tag

_USER = local_user("Mo")
_DAYS, _PEOPLE, _TAGS = 730, 30, 1000
_PER_PICTURE = 8  # events of a finished picture: six decisions, one of them a rejection, an addition, and "done"
_BATCH = 500
_AT_ONCE = 20_000


def fill(loop: Tagloop, pictures: int, suggested: int, decisions: int) -> float:
    """Write the archive; seconds that counting its figures took."""
    random = np.random.default_rng(0)
    tag_ids = _fill_tags(loop)
    profiles = list(loop.taxonomy().profiles)
    now = datetime.now(UTC).replace(tzinfo=None, hour=15, minute=0, second=0, microsecond=0)
    came = [now - timedelta(days=_DAYS * (1 - n / pictures)) for n in range(pictures)]
    with loop.database.write() as connection:

        def write(table: Table, rows: Iterator[dict[str, Any]]) -> None:
            part: list[dict[str, Any]] = []
            for row in rows:
                part.append(row)
                if len(part) == _AT_ONCE:
                    connection.execute(table.insert(), part)
                    part = []
            if part:
                connection.execute(table.insert(), part)

        write(assets, (asset_row(n + 1, at) | {"taken_at": at - timedelta(days=3)} for n, at in enumerate(came)))
        write(batches, _batches(pictures, came, profiles))
        write(items, _items(pictures))
        write(suggestions, _suggestions(random, pictures, suggested, tag_ids, profiles, now))
        done = decisions // _PER_PICTURE
        step = max(1, pictures // max(1, done))
        write(events, _events(random, done, step, came, tag_ids, profiles))
    with loop.database.write() as connection:
        started = time.perf_counter()
        replay.replay(connection, taxonomy_store.load(connection))
        took = time.perf_counter() - started
        connection.exec_driver_sql("analyze")
    return took


def _fill_tags(loop: Tagloop) -> list[str]:
    made = [
        Tag(f"bench.{n}", "bench", {"en": f"Bench tag {n}"}, parent_id=f"bench.{n - n % 10}" if n % 10 else None)
        for n in range(_TAGS)
    ]
    with loop.database.write() as connection:
        taxonomy_store.write(connection, _USER, [Category("bench", {"en": "Bench"}, position=99), *made])
    loop.model.library.settle([])
    return [*(tag.id for tag in loop.taxonomy().unmerged() if tag.category_id != "bench"), *(t.id for t in made)]


def _batches(pictures: int, came: list[datetime], profiles: list[str]) -> Iterator[dict[str, Any]]:
    for n in range(0, pictures, _BATCH):
        times = {"created_at": came[n], "started_at": came[n], "finished_at": came[n]}
        fixed = {"actor": "Ann", "state": "done", "profile": profiles[n // _BATCH % len(profiles)]}
        yield {"id": n // _BATCH + 1, "name": f"Batch {n // _BATCH + 1}", **fixed, **times}


def _items(pictures: int) -> Iterator[dict[str, Any]]:
    fixed = {"chunk": 0, "source": "", "staged": False, "name": "", "text": {}, "state": "done"}
    return ({"batch_id": n // _BATCH + 1, "n": n % _BATCH, "asset_id": n + 1, **fixed} for n in range(pictures))


def _drawn(random: np.random.Generator, count: int, tag_ids: list[str]) -> np.ndarray:
    """Positions of tags; the first are given often."""
    return np.minimum(random.pareto(0.7, count) * 4, len(tag_ids) - 1).astype(int)


def _suggestions(
    random: np.random.Generator, pictures: int, count: int, tag_ids: list[str], profiles: list[str], now: datetime
) -> Iterator[dict[str, Any]]:
    each = max(1, count // pictures)
    fixed = {"fingerprint": "bench", "revision": 1, "at": now}
    for n in range(pictures):
        chosen = dict.fromkeys(_drawn(random, 4 * each, tag_ids).tolist())
        for rank, tag in enumerate(list(chosen)[:each], 1):
            row = {"asset_id": n + 1, "profile": profiles[n // _BATCH % len(profiles)], "tag_id": tag_ids[tag]}
            yield row | fixed | {"probability": 0.9 / rank, "rank": rank}


def _events(
    random: np.random.Generator, done: int, step: int, came: list[datetime], tag_ids: list[str], profiles: list[str]
) -> Iterator[dict[str, Any]]:
    """The events of finished pictures, in the order of their times; three in a hundred are blind."""
    event_id = 0
    for n in range(done):
        picture = n * step
        fixed = {
            "at": came[picture] + timedelta(hours=2),
            "actor": f"Person {n % _PEOPLE}",
            "asset_id": picture + 1,
            "profile": profiles[picture // _BATCH % len(profiles)],
        }
        for row in _review(random, tag_ids, blind=random.random() < 0.03):
            event_id += 1
            yield {"uid": f"u{event_id}", **fixed, **row}


def _review(random: np.random.Generator, tag_ids: list[str], blind: bool) -> Iterator[dict[str, Any]]:
    """What a person says of one picture: six suggestions, one tag that was missing, and that they are done."""
    chosen = [tag_ids[n] for n in dict.fromkeys(_drawn(random, 24, tag_ids).tolist())][: _PER_PICTURE + 1]
    p = np.round(random.uniform(0.1, 0.99, len(chosen)), 4).tolist()
    shown = dict(zip(chosen, p, strict=True))
    judged, added = chosen[: _PER_PICTURE - 2], chosen[_PER_PICTURE - 2 : _PER_PICTURE - 1]
    fingerprint = {"fingerprint": "bench"}
    for tag in judged:
        good = random.random() < shown[tag]
        if blind and good:
            yield {"kind": "add", "tag_id": tag, "payload": {"blind": True}, "seconds": 2.0}
        elif not blind:
            seen = {"probability": shown[tag], **fingerprint}
            yield {"kind": "accept" if good else "reject", "tag_id": tag, "payload": seen, "seconds": 2.0}
    for tag in added:
        yield {"kind": "add", "tag_id": tag, "payload": {"blind": True} if blind else fingerprint, "seconds": 4.0}
    seconds = float(random.gamma(4, 7 if blind else 3))
    payload: dict[str, Any] = {"shown": 0, "blind": True, "hidden": shown, **fingerprint}
    if not blind:
        left = {tag: shown[tag] for tag in chosen[_PER_PICTURE - 1 :]}
        payload = {"shown": len(chosen), "left": left, **fingerprint}
    yield {"kind": "done", "tag_id": None, "payload": payload, "seconds": seconds}


def time_pages(loop: Tagloop) -> dict[str, float]:
    """Milliseconds of the slowest of several runs of each page, and of finding the pictures behind figures."""
    session.loop = lambda: loop  # type: ignore[assignment]
    session.identify = lambda: _USER  # type: ignore[assignment]
    session.browser_address = lambda: None
    common = "garment.dress"
    return {name: time_of(open_page(path, **query).run) for name, (path, query) in PAGES.items()} | {
        f"pictures: {name}": time_of(open_page(page_paths.PICTURES, **query).run)
        for name, query in {
            "with a tag": {"tag": common},
            "with a rare tag": {"tag": "bench.900"},
            "wrongly suggested": {"tag": common, "what": "shown.wrong"},
            "missed in the blind sample": {"what": "blind.missed"},
        }.items()
    }


PAGES = {
    "overview": (page_paths.OVERVIEW, {}),
    "trends, 30 days": (page_paths.TRENDS, {}),
    "trends, a year": (page_paths.TRENDS, {"days": "365"}),
    "trends: about, a year": (page_paths.TRENDS, {"days": "365", "show": "What it is about"}),
    "trends: together": (page_paths.TRENDS, {"show": "Together"}),
    "trends: compare, a year": (page_paths.TRENDS, {"days": "365", "show": "Compare"}),
    "accuracy, 30 days": (page_paths.ACCURACY, {}),
    "accuracy, a year": (page_paths.ACCURACY, {"days": "365"}),
    "accuracy: by tag, a year": (page_paths.ACCURACY, {"days": "365", "show": "By tag, profile, person"}),
    "accuracy: confusions, a year": (page_paths.ACCURACY, {"days": "365", "show": "Taken for one another"}),
    "accuracy: changes, a year": (page_paths.ACCURACY, {"days": "365", "show": "Before and after"}),
    "people, a year": (page_paths.PEOPLE, {"days": "365"}),
    "savings, a year": (page_paths.SAVINGS, {"days": "365"}),
    "drift": (page_paths.DRIFT, {}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=1_000_000)
    parser.add_argument("--suggestions", type=int, default=5_000_000)
    parser.add_argument("--decisions", type=int, default=2_000_000)
    parser.add_argument("--keep", type=Path, help="a folder for the data, used again if it is there")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    folder = arguments.keep or Path(tempfile.mkdtemp())
    known = (folder / "tagloop.db").exists()
    loop = Tagloop(Settings(data_dir=folder, encoder="tiny", time_zone="UTC"))
    counted = None if known else round(fill(loop, arguments.assets, arguments.suggestions, arguments.decisions), 1)
    with loop.database.read() as connection:
        sizes = {
            table.name: connection.exec_driver_sql(f"select count(*) from {table.name}").scalar()
            for table in (assets, suggestions, events, labels, reviews)
        }
        checked = connection.execute(select(drift_table.c.day)).first()
    if not checked:
        drift.check_if_due(loop.database, loop.model.library, loop.taxonomy())
    found = time_pages(loop)
    loop.close()
    if not arguments.keep:
        shutil.rmtree(folder)
    result = {"rows": sizes, "counted_in_seconds": counted, "pages_ms": found, "slowest_ms": max(found.values())}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
