"""Ingest: batches of files become assets with vectors and suggestions, through a queue of leased chunks."""

from __future__ import annotations
