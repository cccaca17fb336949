"""Workers as processes on the full set: do twice as many do twice as much, what a queue costs, what a death costs.

Scaling: 1, 2 and 4 workers whose model sleeps, so that two cores do not matter, and the built-in model beside it.
Overhead: the same photos by the console's own worker through the queue within its process, and by one worker
process through a broker, both on PostgreSQL with the built-in model; seconds a chunk. Ten thousand: as many chunks
of one picture, half of them not there any more, and one of two workers killed meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
from PIL import Image

from benchmarks.full_set import full_set, workers
from benchmarks.photos import read_photos
from tagging_core import Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.ingest import batches
from tagging_core.ingest.sources import Entry
from tagging_core.storage.schema import assets, chunks, items

_USER = local_user("benchmark")
_PROFILE = "e-commerce"


def copies(photos: list[Path], folder: Path, count: int, start: int) -> Path:
    """Photos, each different from all others."""
    folder.mkdir()
    for n in range(start, start + count):
        with Image.open(photos[n % len(photos)]) as image:
            image.convert("RGB").resize((400 + n % 300, 400 + n // 300)).save(folder / f"{n}.jpg", quality=88)
    return folder


def wait(loop: Tagloop, batch: int) -> None:
    while loop.ingest.batch(batch).state == "running":
        time.sleep(0.02)


def begun(loop: Tagloop, count: int) -> bool:
    """Whether so many workers have begun something."""
    with loop.database.read() as connection:
        names = sa.select(sa.func.count(chunks.c.worker.distinct()))
        return int(connection.execute(names).scalar_one()) >= count


def seconds_for(loop: Tagloop, paths: Path) -> float:
    """Seconds from the call to the last suggestion."""
    started = time.perf_counter()
    wait(loop, loop.ingest.ingest_paths(_USER, [paths], _PROFILE))
    return time.perf_counter() - started


def scaling(folder: Path, photos: list[Path], encoder: str, command: tuple[str, ...], pictures: int) -> dict:
    """Pictures a second by the number of workers, all of them warm, one thread each."""
    found = {}
    os.environ["TAGLOOP_INGEST_THREADS"] = "1"
    for count in (1, 2, 4):
        place = folder / f"{command[0]}-{count}"
        place.mkdir()
        with full_set(place / "servers", objects=False), workers(place, count, command):
            loop = Tagloop(Settings(data_dir=place / "console", encoder=encoder))
            loop.start()
            warm = loop.ingest.ingest_paths(_USER, [copies(photos, place / "warm", 32 * count, 50_000)], _PROFILE)
            wait(loop, warm)
            while not begun(loop, count):
                wait(loop, loop.ingest.ingest_paths(_USER, [place / "warm"], _PROFILE, name="again"))
            paths = copies(photos, place / "photos", pictures * count, 0)
            found[str(count)] = round(pictures * count / seconds_for(loop, paths), 2)
            loop.close()
        shutil.rmtree(place)
    return found | {"linear": {n: round(found[n] / (int(n) * found["1"]), 3) for n in ("2", "4")}}


def overhead(folder: Path, photos: list[Path], pictures: int) -> dict:
    """Seconds a chunk within the process and through brokers, one thread each; turns, so that noise meets both."""
    times: dict[str, list[float]] = {"process": [], "redis": [], "rabbitmq": []}
    os.environ["TAGLOOP_INGEST_THREADS"] = "1"
    for turn in range(3):
        for way in times:
            place = folder / f"{way}-{turn}"
            place.mkdir()
            count = 0 if way == "process" else 1
            with full_set(place / "servers", "redis" if way == "process" else way, objects=False):
                if way == "process":
                    os.environ["TAGLOOP_QUEUE_URL"] = ""
                with workers(place, count):
                    loop = Tagloop(Settings(data_dir=place / "console"))
                    loop.start()
                    wait(
                        loop,
                        loop.ingest.ingest_paths(_USER, [copies(photos, place / "warm", 64, 50_000)], _PROFILE),
                    )
                    paths = copies(photos, place / "photos", pictures, 0)
                    times[way].append(seconds_for(loop, paths) * batches.CHUNK / pictures)
                    loop.close()
            shutil.rmtree(place)
    seconds = {way: round(sorted(found)[1], 4) for way, found in times.items()}
    return seconds | {f"{way}_ratio": round(seconds[way] / seconds["process"], 3) for way in ("redis", "rabbitmq")}


def ten_thousand(folder: Path, photos: list[Path], broker: str) -> dict:
    """Nothing lost and nothing doubled, with a death on the way; half of the files are missing, and are refused."""
    place = folder / f"many-{broker}"
    place.mkdir()
    batches.CHUNK = 1
    with (
        full_set(place / "servers", broker, objects=False),
        workers(place, 2, ("tests.slow_worker", "0")) as processes,
    ):
        loop = Tagloop(Settings(data_dir=place / "console", encoder="tiny"))
        loop.start()
        paths = copies(photos, place / "photos", 5000, 0)
        entries = [Entry(str(paths / f"{n}.jpg"), False, f"{n}.jpg") for n in range(10_000)]
        with loop.database.write() as connection:
            batch = batches.submit(
                connection, _USER, "Many", profile=loop.taxonomy().profile(_PROFILE), entries=entries
            )
        started = time.monotonic()
        while loop.ingest.batch(batch).finished < 3000:
            time.sleep(0.2)
        processes[0].kill()
        killed = time.time()
        wait(loop, batch)
        seconds = time.monotonic() - started
        with loop.database.read() as connection:
            states = sa.select(items.c.state, sa.func.count()).group_by(items.c.state)
            found = {state: n for state, n in connection.execute(states)}  # noqa: C416
            kept = connection.execute(sa.select(sa.func.count()).select_from(assets)).scalar_one()
            again = sa.select(sa.func.max(chunks.c.done_at)).where(chunks.c.attempts > 1)
            redone = connection.execute(again).scalar()
        loop.close()
    batches.CHUNK = 32
    shutil.rmtree(place)
    recovery = round(redone - killed, 1) if redone else None
    return {"items": found, "assets": kept, "seconds": round(seconds, 1), "recovery_seconds": recovery}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=["sleeping", "builtin", "overhead", "many"])
    arguments = parser.parse_args()
    photos = [photo.path for photo in read_photos(arguments.folder)]
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.only in (None, "sleeping"):
            batches.CHUNK = 8  # many rounds, so that the end of the last one does not count
            found["sleeping_model"] = scaling(folder, photos, "tiny", ("tests.slow_worker", "0.5"), 96)
            batches.CHUNK = 32
        if arguments.only in (None, "builtin"):
            found["builtin_model"] = scaling(folder, photos, "builtin", ("tagging_core", "work"), 320)
        if arguments.only in (None, "overhead"):
            found["seconds_a_chunk"] = overhead(folder, photos, 640)
        if arguments.only in (None, "many"):
            found["ten_thousand_chunks"] = {way: ten_thousand(folder, photos, way) for way in ("redis", "rabbitmq")}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
