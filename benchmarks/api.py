"""The REST service: how much it adds to decoding and embedding one picture, and how well it gathers many callers.

A real server in a process of its own on this machine, the real client. What the same picture costs in process, and
the encoder's batch rate, are measured in the same run, before and after, and the better of both counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.photos import read_photos
from tagging_core import Settings, Tagloop
from tagging_core.api import Client, keys
from tagging_core.api.keys import Scope
from tagging_core.assets.decoding import open_picture
from tagging_core.common.users import SYSTEM
from tagging_core.embeddings.encoders import Encoder, load_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder with images/ and labels.csv")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    files = [photo.path.read_bytes() for photo in read_photos(options.photos)][: options.requests]
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_encoder("builtin", Path(folder) / "data" / "models")
        before = alone(encoder, files), batch_rate(encoder, files)
        with Server(Path(folder) / "data") as (url, key):
            one = latencies(url, key, files[:20]) and latencies(url, key, files)
            stateless = latencies(url, key, files, keep=False)
            many, slowest = together(url, key, files, options.clients)
            unkept, _ = together(url, key, files, options.clients, keep=False)
        after = alone(encoder, files), batch_rate(encoder, files)
    base = min(before[0], after[0], key=np.median)
    rate = max(before[1]["encode"], after[1]["encode"])
    pipeline = max(before[1]["decode_and_encode"], after[1]["decode_and_encode"])
    found = {
        "cores": os.cpu_count(),
        "pictures": len(files),
        "decode_and_encode_ms": spread(base),
        "one_client_ms": spread(one),
        "added_p50_ms": round(float(np.median(one) - np.median(base)), 1),
        "added_p95_ms": round(float(np.percentile(one, 95) - np.percentile(base, 95)), 1),
        "one_client_not_kept_ms": spread(stateless),
        "encoder_batch_rate": round(rate, 1),
        "decode_and_encode_batch_rate": round(pipeline, 1),
        "clients": options.clients,
        "together_rate": round(many, 1),
        "together_not_kept_rate": round(unkept, 1),
        "together_p95_ms": round(slowest, 1),
        "share_of_encoder_rate": round(many / rate, 2),
        "share_of_pipeline_rate": round(many / pipeline, 2),
    }
    print(json.dumps(found))


def alone(encoder: Encoder, files: list[bytes]) -> list[float]:
    """Milliseconds to decode, prepare and embed each picture by itself."""
    times = []
    for data in files:
        start = time.perf_counter()
        encoder.encode_images([_prepared(encoder, data)])
        times.append(1000 * (time.perf_counter() - start))
    return times


def batch_rate(encoder: Encoder, files: list[bytes]) -> dict[str, float]:
    """Pictures a second in batches of 32, as many at once as there are cores."""
    prepared = [_prepared(encoder, data) for data in files]
    parts = [prepared[n : n + 32] for n in range(0, len(prepared), 32)]
    raw = [files[n : n + 32] for n in range(0, len(files), 32)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.perf_counter()
        list(pool.map(encoder.encode_images, parts))
        encode = time.perf_counter() - start
        start = time.perf_counter()
        list(
            pool.map(
                lambda part: encoder.encode_images([encoder.prepare(open_picture(d).image) for d in part]), raw
            )
        )
        return {"encode": len(files) / encode, "decode_and_encode": len(files) / (time.perf_counter() - start)}


def latencies(url: str, key: str, files: list[bytes], keep: bool = True) -> list[float]:
    """Milliseconds of each request of one client; the bytes differ from any sent before, so each picture is new."""
    times = []
    with Client(url, key) as client:
        for data in files:
            fresh = data + os.urandom(8)
            start = time.perf_counter()
            client.pictures.tag(fresh, "photo.jpg", "e-commerce", keep=keep)
            times.append(1000 * (time.perf_counter() - start))
    return times


def together(url: str, key: str, files: list[bytes], clients: int, keep: bool = True) -> tuple[float, float]:
    """Pictures a second that several clients get at once, and the 95th percentile of a request in milliseconds."""
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = list(itertools.chain(*pool.map(lambda _: latencies(url, key, files, keep), range(clients))))
    return clients * len(files) / (time.perf_counter() - start), float(np.percentile(times, 95))


class Server:
    """The service in a process of its own, on a free port of this machine."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        loop = Tagloop(Settings(data_dir=data))
        loop.model.library.settle()
        with loop.database.write() as connection:
            _, self._key = keys.create(connection, SYSTEM, "benchmark", scopes=[Scope.TAG])
        loop.close()
        settings = {"TAGLOOP_DATA_DIR": str(data), "TAGLOOP_API_RATE": "100000"}
        command = [sys.executable, "-m", "uvicorn", "--factory", "tagging_core.api.server:create_app"]
        command += ["--port", str(self._port), "--log-level", "warning"]
        self._process = subprocess.Popen(command, env=os.environ | settings)

    def __enter__(self) -> tuple[str, str]:
        """Start it; its address and a key."""
        root = f"http://127.0.0.1:{self._port}"
        for _ in range(600):
            time.sleep(0.2)
            try:
                if httpx.get(f"{root}/readyz").is_success:
                    time.sleep(3)  # the first fit of the library is no part of it
                    return f"{root}/api/v1", self._key
            except httpx.HTTPError:
                continue
        raise TimeoutError("the service did not start")

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(30)


def _prepared(encoder: Encoder, data: bytes) -> Image.Image:
    return encoder.prepare(open_picture(data).image)


def spread(times: list[float]) -> dict[str, float]:
    return {"p50": round(float(np.median(times)), 1), "p95": round(float(np.percentile(times, 95)), 1)}


if __name__ == "__main__":
    main()
