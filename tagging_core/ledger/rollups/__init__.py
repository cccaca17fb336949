"""Daily counts for charts, updated in the transaction that writes an event."""

from __future__ import annotations
