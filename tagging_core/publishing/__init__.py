"""Data for other systems: API schemas, captions, exports and webhook deliveries."""

from __future__ import annotations
