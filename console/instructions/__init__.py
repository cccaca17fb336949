"""The Instructions page: trial and status."""

from __future__ import annotations
