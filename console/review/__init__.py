"""The review page: focus, grid and group modes, and their shared state and widgets."""

from __future__ import annotations
