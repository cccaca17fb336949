"""The Models page: devices and the comparison report."""

from __future__ import annotations
