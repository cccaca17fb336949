"""From files to assets with vectors and suggestions: batches, chunks, broker, workers."""

from __future__ import annotations
