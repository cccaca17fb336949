"""The devices that models run on."""

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
_THREADS_PER_GPU = 6


@dataclass(frozen=True, slots=True)
class Device:
    """A CPU or GPU.

    Attributes:
        name: torch device, such as `cpu` or `cuda:0`.
        title: Display name.
        memory: Total memory in bytes; 0 if unknown.
        free: Free memory in bytes.
    """

    name: str
    title: str
    memory: int
    free: int


def select(wanted: str) -> list[str]:
    """Parse TAGLOOP_DEVICES into torch devices; empty: all GPUs, or the CPU if there is none.

    Raises:
        EncoderError: A device does not exist.
    """
    import torch

    gpus = [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    names = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    names = [f"{name}:0" if name == "cuda" else name for name in names]
    for name in names:
        if name != "cpu" and name not in gpus:
            raise EncoderError(
                f"TAGLOOP_DEVICES={wanted!r} names {name}, but torch {torch.__version__} finds "
                f"{', '.join(gpus) or 'no GPU'} here. Leave the setting empty to use all available devices; a GPU "
                "needs its driver and the packages of requirements-gpu.txt (make run-gpu)."
            )
    return names or gpus or ["cpu"]


def default_threads(wanted: str) -> int:
    """Return the number of ingest threads for the devices of a setting: one per core, or six per GPU.

    More threads compete with each other and with the one that drives the GPU: an H100 with 16 cores embedded 93
    pictures per second with six threads and 68 with sixteen (benchmarks.pipeline).
    """
    cores = max(2, os.cpu_count() or 2)
    if shutil.which("nvidia-smi") is None:  # no driver, no GPU; importing torch to find out takes seconds
        return cores
    gpus = sum(name != "cpu" for name in select(wanted))
    return min(cores, _THREADS_PER_GPU * gpus) if gpus else cores


def describe(name: str) -> Device:
    """Return a device's display name and its total and free memory."""
    if name == "cpu":
        page = os.sysconf("SC_PAGE_SIZE")
        total, free = (page * os.sysconf(key) for key in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
        return Device(name, f"CPU, {os.cpu_count()} cores ({platform.machine()})", total, free)
    import torch

    free, total = torch.cuda.mem_get_info(name)
    return Device(name, torch.cuda.get_device_name(name), total, free)


def require_memory(preset: Preset, device: Device) -> None:
    """Check, before the weights are read, that a model fits into a device's memory.

    Raises:
        EncoderError: It does not fit.
    """
    # On a CPU, weights are float32 rather than bf16, and free memory excludes reclaimable caches.
    cpu = device.name == "cpu"
    needed, has = (1.5 * preset.memory_gb, device.memory) if cpu else (preset.memory_gb, device.free)
    if has and needed * _GB > has:
        raise EncoderError(
            f"{preset.title} needs about {needed:.0f} GB of memory, but {device.title} ({device.name}) has "
            f"{has / _GB:.1f} GB. Stop other programs that use it, choose another device with "
            "TAGLOOP_DEVICES, or a smaller model such as TAGLOOP_ENCODER=siglip2-base or builtin."
        )
