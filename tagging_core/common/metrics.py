"""Prometheus metrics of this process; `app.prometheus` adds those read from the database."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.process_collector import ProcessCollector

COUNTED = CollectorRegistry()
ProcessCollector(registry=COUNTED)

REQUESTS = Histogram(
    "tagloop_request_seconds",
    "Duration of REST requests by operation and status",
    ["operation", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=COUNTED,
)
PICTURES = Counter("tagloop_pictures", "Pictures ingested by this process, by outcome", ["end"], registry=COUNTED)
CHUNKS = Histogram(
    "tagloop_chunk_seconds",
    "Duration of a chunk from lease to completion",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 600),
    registry=COUNTED,
)
FAILURES = Counter("tagloop_chunk_failures", "Failed attempts at a chunk", registry=COUNTED)
MATRIX = Counter(
    "tagloop_matrix_reads", "Reads of the tag matrix, from memory or the database", ["from"], registry=COUNTED
)
