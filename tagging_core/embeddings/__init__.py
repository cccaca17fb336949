"""Encoders, vector spaces and the embeddings stored in SQL."""

from __future__ import annotations
