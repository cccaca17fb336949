"""Human decisions: queue, leases, one picture at a time, many at once, undo."""

from __future__ import annotations
