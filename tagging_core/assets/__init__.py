"""The picture catalogue: its rows, its files, and the protected pictures."""

from __future__ import annotations
