"""Composition root and process lifecycle."""

from __future__ import annotations
