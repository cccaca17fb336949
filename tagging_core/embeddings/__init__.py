"""Encoders, vector spaces and the embeddings stored in SQL."""

from __future__ import annotations

from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Encoder, Preset, Vectors, load_encoder, unit
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.embeddings.spaces import VectorSpace

__all__ = [
    "Encoder",
    "EncoderRegistry",
    "Preset",
    "VectorSpace",
    "Vectors",
    "load_encoder",
    "spaces",
    "unit",
    "vectors",
]
