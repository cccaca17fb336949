"""The asset catalogue: rows, image files, and the protected set."""

from __future__ import annotations
