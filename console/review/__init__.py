"""The review page: focus, grid, groups, and what they share."""

from __future__ import annotations
