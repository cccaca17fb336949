"""From decisions to probabilities: the tag library and everything that fits, calibrates and explains it."""

from __future__ import annotations
