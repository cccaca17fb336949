"""How busy a large model's device is kept: its bare rate on ready tensors, and the product's from JPEG files on.

The model is a Qwen2-VL of random weights, which do not matter for speed. FLOPs are those of matrix products,
convolutions and attention in one picture's forward pass, as torch counts them; the peak is what a large matrix
product reaches on the same device in the same number format.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.ingest import ingest, wait_idle
from benchmarks.photos import read_photos
from tagging_core import Settings, Tagloop
from tagging_core.embeddings.encoders import find_preset, load_preset, qwen
from tagging_core.embeddings.encoders.sentence import SentenceEncoder
from tests.models.checkpoints import qwen2_vl, qwen2_vl_2b

_BATCH = 32
_SIDE = 448  # pixels: 256 visual tokens
_SECONDS = 10.0  # that a rate is measured for at least


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="labelled photos, of which variations are made")
    parser.add_argument("--shape", choices=["tiny", "2b"], default="tiny")
    parser.add_argument("--pictures", type=int, default=2000, help="JPEG files that are ingested")
    parser.add_argument("--devices", default="")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = run(Path(name), arguments)
    print(json.dumps(result))


def run(folder: Path, arguments: argparse.Namespace) -> dict:
    """All figures of one run."""
    encoder = make_encoder(folder, arguments.shape, arguments.devices, arguments.compile)
    files = make_files(folder / "files", arguments.folder, arguments.pictures)
    images = [encoder.prepare(Image.open(path).convert("RGB")) for path in files[:256]]
    visual = visual_tokens(encoder, images[0])
    flops, peak = flops_of(encoder, images[0]), peak_flops(encoder)
    bare = bare_rate(encoder, images)
    preprocess = preprocess_rate(encoder, images, max(2, torch.get_num_threads()))
    encoding = encoder_rate(encoder, images, threads=4)
    loop = Tagloop(Settings(data_dir=folder / "data"), encoder=encoder)
    loop.model.library.settle()
    loop.start()
    wait_idle(loop)
    with watched_gpu() as busy:
        whole = len(files) / ingest(loop, files)
    done = loop.ingest.batch(1).ingested
    loop.close()
    return {
        "device": device_name(encoder),
        "shape": arguments.shape,
        "compiled": arguments.compile,
        "visual_tokens": visual,
        "tflop_a_picture": round(flops / 1e12, 4),
        "peak_tflops": round(peak / 1e12, 1),
        "bare_per_s": round(bare, 1),
        "bare_share_of_peak": round(bare * flops / peak, 3),
        "preprocess_per_s": round(preprocess, 1),
        "encoder_per_s": round(encoding, 1),
        "encoder_of_bare": round(encoding / bare, 3),
        "encoder_of_bound": round(encoding / bound(encoder, bare, preprocess), 3),
        "ingested": done,
        "ingest_per_s": round(whole, 1),
        "ingest_of_bare": round(whole / bare, 3),
        "ingest_share_of_peak": round(whole * flops / peak, 3),
        "gpu_busy_percent": busy,
        "memory_gb": round(memory_gb(encoder), 2),
    }


def make_encoder(folder: Path, shape: str, devices: str, compiled: bool) -> SentenceEncoder:
    """A model of random weights, loaded as the product loads GME."""
    preset = find_preset("gme-qwen2-vl-2b")
    if shape == "tiny":
        preset = replace(preset, dimension=64, memory_gb=0.1)
    place = folder / "models" / preset.name
    (qwen2_vl if shape == "tiny" else qwen2_vl_2b)(place)
    encoder = load_preset(preset, folder / "models", devices, compiled=compiled)
    assert isinstance(encoder, SentenceEncoder)
    return encoder


def make_files(folder: Path, photos: Path, count: int) -> list[Path]:
    """Squares cut from photos as JPEG files a little larger than the model takes, no two alike."""
    folder.mkdir(parents=True)
    sources = [Image.open(photo.path).convert("RGB") for photo in read_photos(photos)[:50]]
    dice, paths = random.Random(0), [folder / f"{n}.jpg" for n in range(count)]
    for path in paths:
        source = dice.choice(sources)
        side = int(0.9 * min(source.size))
        left, top = dice.randint(0, source.width - side), dice.randint(0, source.height - side)
        part = source.resize((640, 640), box=(left, top, left + side, top + side))
        part.putpixel((0, 0), (dice.randrange(256), dice.randrange(256), dice.randrange(256)))
        part.save(path, "JPEG", quality=90)
    return paths


def visual_tokens(encoder: SentenceEncoder, image: Image.Image) -> int:
    """Tokens that a picture takes in the language model."""
    return int(_features(encoder, [image])["image_grid_thw"].prod()) // 4


def flops_of(encoder: SentenceEncoder, image: Image.Image) -> float:
    """Floating-point operations of one picture's forward pass, in which a multiplication with addition is two."""
    model: Any = encoder.models[0]
    network = model[0].auto_model
    fast = network.config._attn_implementation
    network.set_attn_implementation("eager")  # torch cannot count fused attention with shared keys
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(_features(encoder, [image]))
    finally:
        network.set_attn_implementation(fast)
        qwen.optimize(model[0])
    return float(counter.get_total_flops())


def peak_flops(encoder: SentenceEncoder, size: int = 8192) -> float:
    """Operations a second of a large matrix product in the model's number format."""
    parameter = next(encoder.models[0].parameters())
    size = size if parameter.device.type == "cuda" else 2048
    left, right = (torch.randn(size, size, device=parameter.device, dtype=parameter.dtype) for _ in range(2))
    return 2.0 * size**3 * _rate(lambda: left @ right, parameter.device, seconds=2.0)


def bare_rate(encoder: SentenceEncoder, images: Sequence[Image.Image]) -> float:
    """Pictures a second of the model alone, its tensors on the device already."""
    model: Any = encoder.models[0]
    ready = [_features(encoder, images[n : n + _BATCH]) for n in range(0, min(len(images), 4 * _BATCH), _BATCH)]
    turn = iter(range(10**9))

    def forward() -> None:
        with torch.inference_mode():
            model(dict(ready[next(turn) % len(ready)]))

    return _BATCH * _rate(forward, model.device)


def preprocess_rate(encoder: SentenceEncoder, images: Sequence[Image.Image], threads: int) -> float:
    """Pictures a second that become tensors on the CPU."""
    batches = [images[n : n + _BATCH] for n in range(0, len(images), _BATCH)]
    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        list(pool.map(lambda batch: encoder.preprocess([{"image": image} for image in batch]), batches))
        return len(images) / (time.perf_counter() - started)


def bound(encoder: SentenceEncoder, bare: float, preprocess: float) -> float:
    """The most that both together allow: on a CPU they take the same cores one after the other."""
    on_cpu = encoder.models[0].device.type == "cpu"
    return 1 / (1 / bare + 1 / preprocess) if on_cpu else min(bare, preprocess)


def encoder_rate(encoder: SentenceEncoder, images: Sequence[Image.Image], threads: int) -> float:
    """Pictures a second of the product's encoder, asked for batches by several threads."""
    batches = [list(images[n : n + _BATCH]) for n in range(0, len(images), _BATCH)]
    encoder.encode_images(batches[0])
    with ThreadPoolExecutor(threads) as pool:
        started, rounds = time.perf_counter(), 0
        while time.perf_counter() - started < _SECONDS:
            list(pool.map(encoder.encode_images, batches))
            rounds += 1
        return rounds * len(images) / (time.perf_counter() - started)


@contextmanager
def watched_gpu() -> Iterator[dict[str, float]]:
    """Share of the time in which a GPU had work, in percent; empty where there is none."""
    found: dict[str, float] = {}
    if not torch.cuda.is_available():
        yield found
        return
    command = [
        "nvidia-smi",
        "--query-gpu=utilization.gpu",
        "--format=csv,noheader,nounits",
        "-i",
        "0",
        "-lms",
        "200",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        seen: list[float] = []
        thread = threading.Thread(target=lambda: seen.extend(float(line) for line in process.stdout or []))
        thread.start()
        yield found
        process.terminate()
        thread.join()
    inner = seen[10:-5] or seen  # without the first decode and the last write
    found |= {"mean": round(sum(inner) / len(inner), 1), "samples": len(inner)}


def memory_gb(encoder: SentenceEncoder) -> float:
    """The most memory that was taken on the GPU, or by the process where it runs on the CPU."""
    if encoder.models[0].device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1e6


def device_name(encoder: SentenceEncoder) -> str:
    """What a person calls the device."""
    device = encoder.models[0].device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} cores"


def _features(encoder: SentenceEncoder, images: Sequence[Image.Image]) -> dict[str, Any]:
    device = encoder.models[0].device
    features = encoder.preprocess([{"image": image} for image in images])
    return {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}


def _rate(work: Callable[[], object], device: torch.device, seconds: float = _SECONDS) -> float:
    """Calls a second, the device waited for."""

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        work()
    wait()
    started, calls = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        work()
        calls += 1
        if calls % 8 == 0:
            wait()
    wait()
    return calls / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
