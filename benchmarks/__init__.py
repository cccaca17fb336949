"""One module a claim; the last line each prints is one JSON object."""

from __future__ import annotations
