"""Many editors at once on one console: how long a decision takes, and whether any is lost or made twice.

Each editor has a WebSocket of their own, as a browser would, thinks a while between decisions, accepts the first
suggestion and says "done". Afterwards the ledger is compared with what each was told.

With `--full-set` two consoles run on PostgreSQL, a Chroma server, a broker and an object store, while worker
processes take one batch after another in. Workers of other machines would leave these cores alone: theirs go last
here, and their model sleeps.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from PIL import Image
from sqlalchemy import select

from benchmarks.console import figures, prepare
from benchmarks.embedded import embed_folder
from benchmarks.full_set import full_set, workers
from benchmarks.served import Editor, serve
from tagging_core import Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.storage import Database
from tagging_core.storage.schema import events


class Person(threading.Thread):
    """One editor at work until the time is over."""

    def __init__(self, url: str, name: str, until: float, think: float) -> None:
        super().__init__()
        self.url, self.person, self.until, self.think = url, name, until, think
        self.times: dict[str, list[float]] = {"open": [], "accept": [], "done": []}
        self.errors: list[str] = []

    def run(self) -> None:
        """Open the review page and decide."""
        chance = random.Random(self.person)
        time.sleep(chance.random() * 10)
        editor = Editor(self.url, self.person, "review?profile=e-commerce")
        self.times["open"].append(editor.seconds_to_open)
        while time.monotonic() < self.until:
            for key, what in (("1", "accept"), ("d", "done")):
                time.sleep(chance.expovariate(1 / self.think))
                if editor.has(key):
                    self.times[what].append(editor.press(key))
        self.errors = editor.errors
        editor.close()


class Uploads(threading.Thread):
    """Has workers take pictures in until the time is over."""

    def __init__(self, folder: Path, until: float) -> None:
        super().__init__()
        self.folder, self.until, self.pictures = folder, until, 0

    def run(self) -> None:
        """Upload the next batch when one is done."""
        loop = Tagloop(Settings(data_dir=self.folder))
        n = 0
        while time.monotonic() < self.until:
            files = []
            for _ in range(320):
                n += 1
                file = io.BytesIO()
                Image.new("RGB", (300 + n % 200, 300 + n // 200), (n % 256, 90, n // 256)).save(file, "JPEG")
                files.append((f"{n}.jpg", file.getvalue()))
            batch = loop.ingest.upload(local_user("uploads"), files, "general")
            while loop.ingest.batch(batch).state == "running" and time.monotonic() < self.until:
                time.sleep(0.5)
            self.pictures += loop.ingest.batch(batch).ingested
        loop.close()


def ledger(folder: Path) -> dict:
    """What the ledger holds of the editors' decisions."""
    database = Database(Settings(data_dir=folder).database)
    with database.read() as connection:
        rows = connection.execute(
            select(events.c.kind, events.c.asset_id, events.c.actor).where(events.c.actor.startswith("Editor "))
        ).all()
    database.close()
    done = Counter(row.asset_id for row in rows if row.kind == "done")
    people: dict[int, set[str]] = {}
    for row in rows:
        people.setdefault(row.asset_id, set()).add(row.actor)
    return {
        "done": sum(done.values()),
        "done_twice": sum(n > 1 for n in done.values()),
        "by_two_people": sum(len(names) > 1 for names in people.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--editors", type=int, default=25)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--think", type=float, default=2, help="mean seconds between decisions")
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--full-set", action="store_true", help="PostgreSQL, Chroma's server, Redis, S3, workers")
    parser.add_argument("--consoles", type=int, default=2, help="with --full-set; one without")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--niceness", type=int, default=10, help="of the workers")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    model = "tiny" if arguments.full_set else "builtin"
    encoder = load_encoder(model, arguments.models)
    photos = embed_folder(arguments.folder, encoder, arguments.models).vectors
    os.environ["TAGLOOP_ENCODER"] = model
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder, uploads = Path(name) / "data", None
        if arguments.full_set:
            stack.enter_context(full_set(Path(name) / "servers"))
        prepare(folder, encoder, photos, arguments.assets)
        if arguments.full_set:
            sleeping = ("tests.slow_worker", "0.5")
            stack.enter_context(workers(Path(name), arguments.workers, sleeping, arguments.niceness))
        with contextlib.ExitStack() as consoles:
            started = [
                serve(folder, model, TAGLOOP_KNOWN_SHARE="0")
                for _ in range(arguments.consoles if arguments.full_set else 1)
            ]
            urls = [consoles.enter_context(console) for console in started]
            first = [Editor(url, "Editor 0", "review?profile=e-commerce") for url in urls]
            time.sleep(8)
            until = time.monotonic() + arguments.minutes * 60
            people = [
                Person(urls[n % len(urls)], f"Editor {n + 1}", until, arguments.think)
                for n in range(arguments.editors)
            ]
            if arguments.full_set:
                uploads = Uploads(Path(name) / "uploads", until)
                uploads.start()
            for person in people:
                person.start()
            for person in people:
                person.join()
            for editor in first:
                editor.close()
            if uploads is not None:
                uploads.join()
        found = ledger(folder)
    times = {
        what: figures([t for person in people for t in person.times[what]]) for what in ("open", "accept", "done")
    }
    decisions = figures([t for person in people for what in ("accept", "done") for t in person.times[what]])
    told = sum(len(person.times["done"]) for person in people)
    errors = [error for person in people for error in person.errors]
    print(
        json.dumps(
            {
                "editors": arguments.editors,
                "minutes": arguments.minutes,
                "decision": decisions,
                **times,
                "lost": told - found["done"],
                **found,
                "pictures_taken_in": uploads.pictures if uploads is not None else 0,
                "errors": len(errors),
                "first_errors": errors[:3],
            }
        )
    )


if __name__ == "__main__":
    main()
