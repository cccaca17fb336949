"""What this process counts, for Prometheus; `exposition` adds what the database says."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.process_collector import ProcessCollector

COUNTED = CollectorRegistry()
ProcessCollector(registry=COUNTED)

REQUESTS = Histogram(
    "tagloop_request_seconds",
    "Requests to the REST service, by its operations",
    ["operation", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=COUNTED,
)
PICTURES = Counter(
    "tagloop_pictures", "Pictures that this process took in, by how they ended", ["end"], registry=COUNTED
)
CHUNKS = Histogram(
    "tagloop_chunk_seconds",
    "From the lease of a chunk to its end",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 600),
    registry=COUNTED,
)
FAILURES = Counter("tagloop_chunk_failures", "Attempts at a chunk that failed", registry=COUNTED)
MATRIX = Counter(
    "tagloop_matrix_reads", "Looks at the tag library: from memory or read", ["from"], registry=COUNTED
)
