"""From a key press to the next picture drawn, at the real server, in a small and in a large archive.

One editor uses the console over its WebSocket, as a browser would: accepts the first suggestion, then says "done",
and the next picture is drawn. The archive is made of real photos' vectors with noise, which all wait.
`--embedding` measures the same while a batch of a thousand photos is embedded on the same cores.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.embedded import embed_folder
from benchmarks.photos import read_photos
from benchmarks.scale import fill_pictures
from benchmarks.served import ROOT, Editor, serve
from tagging_core import Settings, Tagloop
from tagging_core.embeddings.encoders import Encoder, Vectors, load_encoder

_PROFILE = "e-commerce"
_QUERY = f"profile={_PROFILE}"


def prepare(folder: Path, encoder: Encoder, photos: Vectors, size: int) -> None:
    """Fill a data folder with pictures that wait, and fit and feed whatever follows from them."""
    loop = Tagloop(Settings(data_dir=folder), encoder=encoder)
    fill_pictures(loop, photos, size)
    loop.model.library.refresh_pack()
    loop.model.library.settle()
    for start in range(0, size, 500):
        with loop.database.write() as connection:
            loop.model.suggester.suggest(connection, range(start + 1, min(start + 500, size) + 1), _PROFILE)
    loop.close()


def act(editor: Editor, acts: int) -> dict[str, list[float]]:
    """Accept and finish pictures one after another, with the time that a person at least takes between."""
    times: dict[str, list[float]] = {"accept": [], "done": []}
    for _ in range(acts):
        if editor.has("1"):
            times["accept"].append(editor.press("1"))
            time.sleep(0.1)
        times["done"].append(editor.press("d"))
        time.sleep(0.1)
    return times


def figures(times: list[float]) -> dict[str, float]:
    p50, p95, worst = (round(float(np.quantile(times, q)) * 1000, 1) for q in (0.5, 0.95, 1))
    return {"n": len(times), "p50_ms": p50, "p95_ms": p95, "max_ms": worst}


def measure(folder: Path, acts: int, pages: int) -> dict:
    with serve(folder, "builtin", TAGLOOP_KNOWN_SHARE="0") as url:
        editor = Editor(url, "Ann", f"review?{_QUERY}")
        time.sleep(8)  # the model is loaded and Chroma opened by then
        act(editor, 5)
        times = act(editor, acts)
        grid = Editor(url, "Bob", f"review?mode=grid&{_QUERY}")
        opened = [grid.press("n" if grid.has("n") else "Show them again") for _ in range(pages)]
        errors = editor.errors + grid.errors
        editor.close()
        grid.close()
    found = {what: figures(t) for what, t in times.items()}
    return {**found, "grid_page": figures(opened), "errors": errors}


def measure_embedding(folder: Path, photos: list[Path], acts: int) -> dict:
    """The same while a thousand photos are embedded by the console's own worker."""
    with tempfile.TemporaryDirectory() as name:
        batch = Path(name)
        for n in range(1000):
            with Image.open(photos[n % len(photos)]) as image:
                image.convert("RGB").resize((1000 + n, 1300)).save(batch / f"{n}.jpg", quality=88)
        with serve(folder, "builtin", TAGLOOP_KNOWN_SHARE="0") as url:
            editor = Editor(url, "Ann", f"review?{_QUERY}")
            time.sleep(8)
            command = [sys.executable, "-m", "tagging_core", "ingest", str(batch), "--profile", _PROFILE, "--json"]
            environment = {"TAGLOOP_DATA_DIR": str(folder), "PATH": ""}
            ingest = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
            time.sleep(2)
            times: dict[str, list[float]] = {"accept": [], "done": []}
            while ingest.poll() is None and len(times["done"]) < acts:
                for what, found in act(editor, 1).items():
                    times[what] += found
            still = ingest.poll() is None
            said = json.loads(ingest.communicate()[0])
            editor.close()
    return {what: figures(t) for what, t in times.items()} | {"ingest": said, "ingest_outlasted_it": still}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--assets", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--acts", type=int, default=200)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--embedding", action="store_true", help="while a thousand photos are embedded")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    encoder = load_encoder("builtin", arguments.models)
    photos = embed_folder(arguments.folder, encoder, arguments.models).vectors
    rows: dict[str, dict] = {}
    for size in arguments.assets:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "data"
            prepare(folder, encoder, photos, size)
            rows[f"{size} pictures"] = measure(folder, arguments.acts, arguments.pages)
            print(size, json.dumps(rows[f"{size} pictures"]), flush=True)
            if arguments.embedding and size == arguments.assets[0]:
                paths = [photo.path for photo in read_photos(arguments.folder)]
                rows["while embedding"] = measure_embedding(folder, paths, arguments.acts)
    ends = arguments.assets[0], arguments.assets[-1]
    first, last = (rows[f"{size} pictures"]["done"]["p95_ms"] for size in ends)
    print(json.dumps(rows | {"ratio": round(last / first, 2)}))


if __name__ == "__main__":
    main()
