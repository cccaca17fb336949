"""The managers' pages: filters, charts, tables, the printable report."""

from __future__ import annotations
