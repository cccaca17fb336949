"""Encoders, vector spaces and the vectors of record."""

from __future__ import annotations
