"""Categories, tags, profiles and redirects as plain data, without SQL."""

from __future__ import annotations
