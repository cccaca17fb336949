"""Composition root and process lifecycle."""

from __future__ import annotations

from tagging_core.app import backups, doctor
from tagging_core.app.model_rollout import ModelRollout
from tagging_core.app.tagloop import Tagloop
from tagging_core.app.worker import Worker

__all__ = [
    "ModelRollout",
    "Tagloop",
    "Worker",
    "backups",
    "doctor",
]
