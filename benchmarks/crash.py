"""Kill a working Tagloop with SIGKILL at random instants of ingest and review, and see what is lost.

A child process uploads pictures and decides about them without pause; it reports each act only once the call has
returned. After the last kill everything reported must be there: decisions, pictures once each, batches complete,
the tables as the ledger says, Chroma agreeing with SQL.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import func
from sqlalchemy import select as sql

from tagging_core import Decision, Kind, Settings, TaggingError, Tagloop
from tagging_core.app import doctor
from tagging_core.common.users import local_user
from tagging_core.review import queue
from tagging_core.review.queue import View
from tagging_core.storage.schema import assets, events, items

_USER = local_user("crash")
_PROFILE = "e-commerce"
_BATCH = 40
_TAGS = ("garment.dress", "garment.hat", "garment.shoes", "colour.red", "material.denim", "season.summer")


@dataclass(slots=True)
class Reported:
    """What the children said had been done before they were killed."""

    decisions: set[int] = field(default_factory=set)
    batches: set[int] = field(default_factory=set)
    serve_seconds: list[float] = field(default_factory=list)
    chroma: list[str] = field(default_factory=list)
    interrupted: int = 0


def picture(seed: int) -> bytes:
    """A small picture that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).resize((160, 120), Image.Resampling.NEAREST).save(buffer, "JPEG")
    return buffer.getvalue()


def child(folder: Path, encoder: str, seed: int) -> None:
    """Work until killed."""
    loop = Tagloop(Settings(data_dir=folder, encoder=encoder))
    loop.start()
    print("serving", flush=True)
    chance = random.Random(seed)
    told = False
    for n in range(1_000_000):
        if n % 120 == 0:
            first = seed * 1_000_000 + n * 50
            batch_id = loop.ingest.upload(
                _USER, [(f"{i}.jpg", picture(first + i)) for i in range(_BATCH)], _PROFILE
            )
            print("batch", batch_id, flush=True)
        if not told and loop.worker is not None and loop.worker.chroma != "opening":
            told = True
            print("chroma", loop.worker.chroma.split(":")[0], flush=True)
        decide(loop, chance)


def decide(loop: Tagloop, chance: random.Random) -> None:
    """One act of a reviewer, reported once it has returned."""
    with loop.database.read() as connection:
        waiting = queue.next_assets(connection, View(), limit=50)
    if not waiting:
        time.sleep(0.01)
        return
    asset_id = chance.choice(waiting)
    kind = chance.choice([Kind.ACCEPT, Kind.REJECT, Kind.ADD, Kind.REPLACE, Kind.DONE, Kind.SKIP, Kind.UNDO])
    if kind == Kind.UNDO:
        last = loop.review.undo_last(_USER)
        if last is not None:
            print("decision", last.latest.id, flush=True)
        return
    tags = chance.sample(_TAGS, 2)
    tag = tags[0] if kind not in (Kind.DONE, Kind.SKIP) else None
    other = tags[1] if kind == Kind.REPLACE else None
    print("decision", loop.review.decide(_USER, Decision(kind, asset_id, tag, other, _PROFILE)), flush=True)


def run_and_kill(folder: Path, encoder: str, seed: int, reported: Reported, chance: random.Random) -> None:
    """Start a child, let it serve for a random while, kill it, and note what it reported."""
    command = [sys.executable, "-m", "benchmarks.crash", "--child", str(folder), "--encoder", encoder]
    started = time.monotonic()
    process = subprocess.Popen([*command, "--seed", str(seed)], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    deadline: float | None = None
    text = b""
    while deadline is None or time.monotonic() < deadline:
        ready, _, _ = select.select([process.stdout], [], [], 0.02)
        if ready:
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                raise TaggingError(f"The child ended by itself (kill {seed}).")
            text += chunk
        if deadline is None and b"serving\n" in text:
            reported.serve_seconds.append(time.monotonic() - started)
            deadline = time.monotonic() + chance.uniform(0.0, 8.0)
    os.killpg(process.pid, signal.SIGKILL)
    text += process.stdout.read()
    process.wait()
    note(text, reported)


def note(text: bytes, reported: Reported) -> None:
    """Read a child's report; its last line may be cut."""
    for line in text.decode().splitlines(keepends=True):
        word, _, value = line.strip().partition(" ")
        if not line.endswith("\n"):
            reported.interrupted += 1
        elif word == "decision":
            reported.decisions.add(int(value))
        elif word == "batch":
            reported.batches.add(int(value))
        elif word == "chroma":
            reported.chroma.append(value)


def verify(folder: Path, encoder: str, reported: Reported) -> dict[str, int]:
    """Start once more, let all work finish, and count what is missing or doubled."""
    loop = Tagloop(Settings(data_dir=folder, encoder=encoder))
    loop.start()
    while loop.worker is None or loop.worker.chroma == "opening" or _unfinished(loop):
        time.sleep(0.1)
    reported.chroma.append(loop.worker.chroma.split(":")[0])
    with loop.database.read() as connection:
        known = set(connection.execute(sql(events.c.id)).scalars())
        ended = connection.execute(sql(items.c.batch_id, items.c.state, items.c.asset_id)).all()
        total = connection.execute(sql(func.count()).select_from(assets)).scalar_one()
        distinct = connection.execute(sql(func.count(assets.c.sha256.distinct()))).scalar_one()
        disagreement = int(loop.resources.index.counts() != loop.resources.index.expected(connection))
    loop.close()
    wrong = [f.what for f in doctor.examine(loop) if not f.ok]
    loop.database.close()
    return {
        "decisions": len(reported.decisions),
        "decisions_lost": len(reported.decisions - known),
        "batches_lost": len(reported.batches - {row.batch_id for row in ended}),
        "assets": total,
        "assets_lost": sum(row.asset_id is None for row in ended),
        "assets_doubled": total - distinct,
        "chroma_disagrees": disagreement,
        "doctor_complaints": len(wrong),
    }


def _unfinished(loop: Tagloop) -> bool:
    with loop.database.read() as connection:
        waiting = connection.execute(sql(func.count()).where(items.c.state == "waiting")).scalar_one()
    return bool(waiting or loop.model.library.pending() or loop.resources.index.feeder.pending())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--encoder", default="tiny", help="tiny keeps the start short; storage is the same with any"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.encoder, arguments.seed)
        return
    chance = random.Random(arguments.seed)
    reported = Reported()
    with tempfile.TemporaryDirectory() as name:
        for n in range(arguments.kills):
            run_and_kill(Path(name) / "data", arguments.encoder, n, reported, chance)
            print(f"kill {n + 1}: {len(reported.decisions)} decisions, {len(reported.batches)} batches so far")
        found = verify(Path(name) / "data", arguments.encoder, reported)
    chroma = {state: reported.chroma.count(state) for state in sorted(set(reported.chroma))}
    serve = reported.serve_seconds
    seconds = {"serve_median_s": round(float(np.median(serve)), 2), "serve_max_s": round(max(serve), 2)}
    print(json.dumps({"kills": arguments.kills, **found, "chroma": chroma, **seconds}))


if __name__ == "__main__":
    main()
