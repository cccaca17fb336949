"""Ingest: batches of files become assets with vectors and suggestions, through a queue of leased chunks."""

from __future__ import annotations

from tagging_core.ingest.batches import Batch
from tagging_core.ingest.broker import Broker
from tagging_core.ingest.chunk_runner import ChunkRunner
from tagging_core.ingest.dispatcher import Dispatcher
from tagging_core.ingest.online import OnlineTagger
from tagging_core.ingest.pipeline import Pipeline
from tagging_core.ingest.reembedding import Reembedder
from tagging_core.ingest.service import IngestService

__all__ = [
    "Batch",
    "Broker",
    "ChunkRunner",
    "Dispatcher",
    "IngestService",
    "OnlineTagger",
    "Pipeline",
    "Reembedder",
]
