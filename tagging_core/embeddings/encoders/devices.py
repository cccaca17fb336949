"""The processors that models run on."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagging_core.errors import EncoderError

if TYPE_CHECKING:
    from tagging_core.embeddings.encoders.presets import Preset

_GB = 1e9
_A_GPU = 6  # threads


@dataclass(frozen=True, slots=True)
class Device:
    """One processor.

    Attributes:
        name: As torch names it: `cpu`, `cuda:0`.
        title: What a person calls it.
        memory: Bytes it has; 0 where unknown.
        free: Bytes that nobody uses at the moment.
    """

    name: str
    title: str
    memory: int
    free: int


def select(wanted: str) -> list[str]:
    """The devices that a setting names, by torch's names; every GPU there is, or else the CPU, if it names none.

    Raises:
        EncoderError: One of them is not here.
    """
    import torch

    here = [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    names = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    names = [f"{name}:0" if name == "cuda" else name for name in names]
    for name in names:
        if name != "cpu" and name not in here:
            raise EncoderError(
                f"TAGLOOP_DEVICES={wanted!r} names {name}, but torch {torch.__version__} finds "
                f"{', '.join(here) or 'no GPU'} here. Leave the setting empty to take what there is; a GPU takes "
                "its driver and the packages of requirements-gpu.txt (make run-gpu)."
            )
    return names or here or ["cpu"]


def default_threads(wanted: str) -> int:
    """Threads that keep the devices of a setting busiest: one a core, or six a GPU.

    More than that keep one another, and the one that drives the GPU, from running: an H100 with 16 cores took 93
    pictures a second from six threads and 68 from sixteen (benchmarks.pipeline).
    """
    cores = max(2, os.cpu_count() or 2)
    if shutil.which("nvidia-smi") is None:  # no driver, no GPU; torch takes seconds to say the same
        return cores
    gpus = sum(name != "cpu" for name in select(wanted))
    return min(cores, _A_GPU * gpus) if gpus else cores


def describe(name: str) -> Device:
    """What a device is and how much of its memory is free."""
    if name == "cpu":
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = (page * os.sysconf(key) for key in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
        return Device(name, f"CPU, {os.cpu_count()} cores ({platform.machine()})", total, free)
    import torch

    free, total = torch.cuda.mem_get_info(name)
    return Device(name, torch.cuda.get_device_name(name), total, free)


def require_memory(preset: Preset, device: Device) -> None:
    """Refuse a model that cannot fit before its weights are read.

    Raises:
        EncoderError: It cannot.
    """
    # On a CPU weights are float32, not bf16, and memory that caches hold counts as used, though it can be had.
    cpu = device.name == "cpu"
    needed, has = (1.5 * preset.memory_gb, device.memory) if cpu else (preset.memory_gb, device.free)
    if has and needed * _GB > has:
        raise EncoderError(
            f"{preset.title} needs about {needed:.0f} GB of memory, but {device.title} ({device.name}) has "
            f"{has / _GB:.1f} GB. End what else uses it, name another device with TAGLOOP_DEVICES, or choose a "
            "smaller model such as TAGLOOP_ENCODER=siglip2-base or builtin."
        )
