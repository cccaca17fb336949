"""Shared code of the console's pages: frame, session, charts, and one package per page."""

from __future__ import annotations
