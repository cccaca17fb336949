"""The vocabulary: categories, tags, profiles. Pure, without SQL."""

from __future__ import annotations
