"""Changing the model of an archive while an editor goes on: built-in to a CLIP of random weights, and back.

What the other model is worth does not matter here: it must be built from every picture, learn every decision, take
the first one's place in an instant and lose nothing.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from sqlalchemy import func, select

from benchmarks.photos import read_photos
from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.common.users import Role, local_user
from tagging_core.embeddings.spaces import SpaceState
from tagging_core.review.queue import View
from tagging_core.storage.schema import assets, events
from tests.models.checkpoints import clip

_ANN, _OPERATOR = local_user("Ann"), User("operator", frozenset({Role.ADMIN}))
_PROFILE = "e-commerce"
_AT_ONCE = 500


def main() -> None:
    """Print what one switch and the way back take, and what an editor notices of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="labelled photos, of which variations are made")
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument(
        "--models", type=Path, default=Path("data/models"), help="where the built-in model's file is"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(arguments.folder, Path(folder), arguments.models, arguments.assets)))


def run(photos: Path, folder: Path, models: Path, count: int) -> dict:
    """One switch and the way back."""
    clip(folder / "clip", hidden=512)
    loop = Tagloop(Settings(data_dir=folder / "data"))
    (folder / "data" / "models").symlink_to(models.absolute())
    loop.start()
    fill(loop, photos, count)
    editor = Editor(loop)
    quiet = editor.during(lambda: time.sleep(30))
    before = decisions(loop)
    started = time.perf_counter()
    fingerprint = loop.models.build(_OPERATOR, str(folder / "clip")).fingerprint
    building = editor.during(lambda: wait_for(lambda: ready(loop, fingerprint)))
    built = time.perf_counter() - started
    report_s = timed(lambda: loop.models.compare(fingerprint))
    old = loop.model.preset.fingerprint
    switch_s = timed(lambda: loop.models.switch(_OPERATOR, fingerprint))
    assert loop.review.suggest(1, _PROFILE) is not None
    back_s = timed(lambda: loop.models.switch(_OPERATOR, old))
    missing = {p.space.encoder: p.missing for p in loop.models.all()}
    kept = decisions(loop) - before == building["acts"]
    loop.close()
    return {
        "assets": count,
        "built_s": round(built, 1),
        "pictures_a_second": round(count / built, 1),
        "editor_quiet": quiet,
        "editor_while_building": building,
        "report_s": round(report_s, 2),
        "switch_s": round(switch_s, 3),
        "back_s": round(back_s, 3),
        "missing": missing,
        "every_decision_kept": kept,
    }


class Editor:
    """Somebody who decides about the next picture, again and again, twice a second at most."""

    def __init__(self, loop: Tagloop) -> None:
        self._loop = loop

    def during(self, work: Callable[[], object]) -> dict:
        """What they notice while something else is done: acts, and seconds from an act to the next picture."""
        stop, times = threading.Event(), []

        def edit() -> None:
            while not stop.wait(0.5):
                turn = self._loop.review.assigner.next(_ANN, View(_PROFILE))
                assert turn is not None
                shown = self._loop.review.card(_ANN, turn.asset_id, _PROFILE, look=turn.look).suggestions
                tag = shown[0].tag_id if shown else "colour.red"
                started = time.perf_counter()
                self._loop.review.decide(_ANN, Decision(Kind.ADD, turn.asset_id, tag, profile=_PROFILE))
                times.append(time.perf_counter() - started)
                self._loop.review.decide(_ANN, Decision(Kind.DONE, turn.asset_id, profile=_PROFILE))

        thread = threading.Thread(target=edit)
        thread.start()
        work()
        stop.set()
        thread.join()
        p50, p95 = np.percentile(times, [50, 95]) if times else (0, 0)
        return {"acts": len(times), "p50_ms": round(1000 * p50, 1), "p95_ms": round(1000 * p95, 1)}


def fill(loop: Tagloop, photos: Path, count: int) -> None:
    """Ingest variations of photos: other crops, so that no two files are the same."""
    sources = [Image.open(photo.path).convert("RGB") for photo in read_photos(photos)[:200]]
    dice = random.Random(0)
    for start in range(0, count, _AT_ONCE):
        files = [
            (f"{n}.jpg", variation(dice.choice(sources), dice)) for n in range(start, min(start + _AT_ONCE, count))
        ]
        batch = loop.ingest.upload(_ANN, files, _PROFILE)
        wait_for(lambda batch=batch: loop.ingest.batch(batch).state == "done")  # type: ignore[misc]


def variation(source: Image.Image, dice: random.Random) -> bytes:
    """A crop of nine tenths, somewhere, as a small JPEG."""
    width, height = int(0.9 * source.width), int(0.9 * source.height)
    left, top = dice.randint(0, source.width - width), dice.randint(0, source.height - height)
    buffer = io.BytesIO()
    part = source.resize((256, 256), box=(left, top, left + width, top + height))
    part.putpixel((0, 0), (dice.randrange(256), dice.randrange(256), dice.randrange(256)))
    part.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def ready(loop: Tagloop, fingerprint: str) -> bool:
    """Whether a model may stand."""
    found = next(p for p in loop.models.all() if p.space.fingerprint == fingerprint)
    assert not found.space.note, found.space.note
    return found.space.state == SpaceState.READY


def decisions(loop: Tagloop) -> int:
    """Finished pictures, by the ledger and by what follows from it."""
    with loop.database.read() as connection:
        said = connection.execute(select(func.count()).where(events.c.kind == str(Kind.DONE))).scalar_one()
        held = connection.execute(select(func.count()).where(assets.c.review == "done")).scalar_one()
    return int(said) if said == held else -1


def timed(work: Callable[[], object]) -> float:
    """Seconds one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is so."""
    while not condition():
        time.sleep(0.5)


if __name__ == "__main__":
    main()
