"""Exports: what people decided, as tables, JSON, Label Studio tasks, and inside picture files."""

from __future__ import annotations
