"""Load of this process's models: device, memory, throughput and queue."""

from __future__ import annotations

import streamlit as st

from console import session
from tagging_core.embeddings import Encoder
from tagging_core.embeddings.encoders.devices import Device, describe

_GB = 1e9


@session.fragment(run_every="2s")
def draw() -> None:
    """Draw the load; refreshed every two seconds."""
    loop = session.loop()
    running = [batch for batch in loop.ingest.recent() if batch.state == "running"]
    waiting = sum(batch.total - batch.finished for batch in running)
    rate = sum(batch.rate for batch in running)
    names = dict.fromkeys(name for encoder in loop.resources.encoders.loaded() for name in _devices(encoder))
    device, memory, speed, queue = st.columns(4)
    found = [describe(name) for name in names]
    device.metric("Device", ", ".join(d.name for d in found) or "none yet", help=_titles(found))
    memory.metric(
        "Memory in use", _memory(found), help="Used by all processes on the device, including this console."
    )
    speed.metric("Pictures per second", f"{rate:.1f}" if rate else "idle")
    queue.metric("Pictures waiting", f"{waiting:,}")
    if not found:
        st.caption("The model is loaded when the worker starts or the first picture arrives.")


def _devices(encoder: Encoder) -> list[str]:
    return list(getattr(encoder, "devices", ["cpu"]))


def _titles(found: list[Device]) -> str:
    return "; ".join(d.title for d in found) or "No model is loaded."


def _memory(found: list[Device]) -> str:
    used, total = sum(d.memory - d.free for d in found), sum(d.memory for d in found)
    return f"{used / _GB:.1f} / {total / _GB:.0f} GB" if total else "unknown"
