"""The command line."""

from __future__ import annotations

from tagging_core.cli.main import main

__all__ = [
    "main",
]
